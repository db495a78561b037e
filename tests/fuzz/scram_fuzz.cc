// libFuzzer target: SCRAM, which is read before anybody has logged in (server/scram.h): what a
// client says to our server, what a server says to our client, what PostgreSQL keeps.
//
// How it works: lines of the input are the messages. Nobody may come in without the password.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/scram.h"
#include "server/wire/messages.h"

namespace {

using namespace metadb::server;  // the subject of every line here

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

// Few iterations: each is a hash.
ScramVerifier verifier() {
  return mock_verifier("u", "secret", 1);
}

void serve(std::string_view mechanism, std::string_view first, std::string_view last) {
  for (const char* end_point : {"", "end point"}) {
    ScramServer server(verifier(), end_point, "ours");
    try {
      server.first(mechanism, first);
      if (server.final(last)) std::abort();
    } catch (const metadb::catalog::Error& error) {
      if (error.sqlstate.size() != 5) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  read_verifier(text);
  wire::read_sasl_initial_response(text);
  const std::string_view first = take_line(text);
  const std::string_view second = take_line(text);
  serve(kScramMechanism, first, second);
  serve(kScramPlusMechanism, first, second);
  // With keys: a password would be hashed as often as the server says.
  ScramClient client(ScramKeys{"client key", "server key"}, "", "", "ours");
  if (client.choose({first, kScramMechanism}) && client.final_message(first)) {
    if (client.is_genuine(second)) std::abort();
  }
  return 0;
}
