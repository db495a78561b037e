#include "server/demo_recording.h"

// METADB_DEMO_RECORDING is the file's path, from CMake.
asm(".section .rodata\n"
    ".global metadb_demo_recording_begin\n"
    "metadb_demo_recording_begin:\n"
    ".incbin \"" METADB_DEMO_RECORDING
    "\"\n"
    ".global metadb_demo_recording_end\n"
    "metadb_demo_recording_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" {
extern const char metadb_demo_recording_begin[];
extern const char metadb_demo_recording_end[];
}

namespace metadb::server {

std::string_view demo_recording() {
  return {metadb_demo_recording_begin,
          static_cast<size_t>(metadb_demo_recording_end - metadb_demo_recording_begin)};
}

}  // namespace metadb::server
