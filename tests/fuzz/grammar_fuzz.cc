// libFuzzer target: any bytes through the gate, the cutting and the parser.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

#include "grammar/classify.h"
#include "grammar/parse.h"

namespace {

void require(bool claim) {
  if (!claim) std::abort();
}

bool is_ours(std::string_view statement) {
  return !std::holds_alternative<metadb::grammar::PassThrough>(metadb::grammar::parse(statement));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool may_be_ours = metadb::grammar::may_be_ours(text);
  require(may_be_ours || !is_ours(text));
  const char* end = text.data();
  for (const std::string_view statement : metadb::grammar::split(text)) {
    require(!statement.empty() && statement.data() >= end);
    end = statement.data() + statement.size();
    require(end <= text.data() + text.size());
    require(may_be_ours || !is_ours(statement));
  }
  return 0;
}
