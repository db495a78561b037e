// libFuzzer target: the readers and writers of messages (server/wire/messages.h, binary.h).
//
// How it works: the first byte chooses a reader, the rest is the payload. What is read must lie
// within the payload; what we write must be one frame that the readers read back. An independent
// walk over the payload says what Bind, Parse and the reports hold.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/wire/binary.h"
#include "server/wire/frame.h"
#include "server/wire/messages.h"

namespace {

using namespace metadb::server;  // the subject of every line here

void require(bool claim) {
  if (!claim) std::abort();
}

// A view that was read lies in the payload, is followed by its zero byte and holds none.
void require_text(std::string_view text, std::string_view payload) {
  require(text.data() >= payload.data());
  const auto end = static_cast<size_t>(text.data() - payload.data()) + text.size();
  require(end < payload.size() && payload[end] == '\0');
  require(text.find('\0') == std::string_view::npos);
}

// The same payload by other means: numbers at positions, -1 where there is none.
class Walk {
 public:
  explicit Walk(std::string_view payload) : payload_(payload) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] size_t at() const { return at_; }
  void skip_text() {
    while (ok_ && take(1) != 0) {
    }
  }
  int64_t take(size_t bytes) {
    if (payload_.size() - at_ < bytes) ok_ = false;
    int64_t value = 0;
    for (size_t i = 0; ok_ && i < bytes; ++i) {
      value = value * 256 + static_cast<unsigned char>(payload_[at_++]);
    }
    return ok_ ? value : -1;
  }
  void skip(int64_t bytes) {
    if (static_cast<int64_t>(payload_.size() - at_) < bytes) ok_ = false;
    if (ok_) at_ += static_cast<size_t>(bytes);
  }

 private:
  std::string_view payload_;
  size_t at_ = 0;
  bool ok_ = true;
};

constexpr int64_t kInt16Sign = 0x8000;

void check_bind(std::string_view payload) {
  const auto message = wire::read_bind(payload);
  Walk walk(payload);
  walk.skip_text();
  walk.skip_text();
  const int64_t parameter_formats = walk.take(2);
  if (parameter_formats < kInt16Sign) walk.skip(2 * parameter_formats);
  const int64_t parameters = walk.take(2);
  for (int64_t i = 0; walk.ok() && parameters < kInt16Sign && i < parameters; ++i) {
    const int64_t length = walk.take(4);
    if (length < int64_t{0x80000000}) walk.skip(length);
  }
  const int64_t formats = walk.take(2);
  std::vector<int16_t> expected;
  for (int64_t i = 0; walk.ok() && formats < kInt16Sign && i < formats; ++i) {
    expected.push_back(static_cast<int16_t>(walk.take(2)));
  }
  require(message.has_value() == walk.ok());
  if (!message) return;
  require_text(message->portal, payload);
  require_text(message->statement, payload);
  require(message->parameter_formats == static_cast<int16_t>(parameter_formats));
  require(message->parameters == static_cast<int16_t>(parameters));
  require(message->result_formats == expected);
}

void check_parse(std::string_view payload) {
  const auto message = wire::read_parse(payload);
  Walk walk(payload);
  walk.skip_text();
  walk.skip_text();
  const int64_t parameters = walk.take(2);
  require(message.has_value() == walk.ok());
  if (!message) return;
  require_text(message->statement, payload);
  require_text(message->text, payload);
  require(message->parameters == static_cast<int16_t>(parameters));
}

void check_query(std::string_view payload) {
  const auto text = wire::read_query(payload);
  require(text.has_value() == (!payload.empty() && payload.find('\0') == payload.size() - 1));
  if (text) require_text(*text, payload);
}

void check_names(std::string_view payload) {
  if (const auto target = wire::read_target(payload)) {
    require(target->kind == payload.front());
    require_text(target->name, payload);
  }
  if (const auto execute = wire::read_execute(payload)) {
    require_text(execute->portal, payload);
    require(payload.size() >= execute->portal.size() + 5);
  }
  if (const auto status = wire::read_parameter_status(payload)) {
    require_text(status->name, payload);
    require_text(status->value, payload);
  }
  const auto key = wire::read_backend_key(payload);
  require(key.has_value() == (payload.size() > 4));
  if (key) require(key->secret == payload.substr(4));
}

// The first field with this code before the end of the list; nothing of what is cut off.
std::string_view field_of(std::string_view payload, char code) {
  while (payload.size() > 1 && payload.front() != '\0') {
    const size_t end = payload.find('\0', 1);
    if (end == std::string_view::npos) return {};
    if (payload.front() == code) return payload.substr(1, end - 1);
    payload.remove_prefix(end + 1);
  }
  return {};
}

void check_fields(std::string_view payload) {
  for (const char code : {'S', 'V', 'C', 'M', 'x'}) {
    require(wire::error_field(payload, code) == field_of(payload, code));
  }
}

// One whole frame of this type; its payload.
std::string_view only_frame(std::string_view message, char type) {
  require(message.size() >= wire::kHeaderBytes && message.front() == type);
  Walk walk(message.substr(1, 4));
  require(walk.take(4) == static_cast<int64_t>(message.size() - 1));
  return message.substr(wire::kHeaderBytes);
}

void check_reports(std::string_view text) {
  const std::string_view first = text.substr(0, text.size() / 2);
  const std::string_view second = text.substr(text.size() / 2);
  wire::Report report;
  report.sqlstate = "42601";
  report.message = std::string(first);
  report.detail = std::string(second);
  report.position = static_cast<int>(text.size());
  std::string out;
  wire::append_error(out, report);
  const std::string_view payload = only_frame(out, 'E');
  // A zero byte ends a text early; it must not end the list.
  require(wire::error_field(payload, 'C') == "42601");
  require(wire::error_field(payload, 'M') == first.substr(0, first.find('\0')));
  require(wire::error_field(payload, 'D') == second.substr(0, second.find('\0')));
}

void check_rows(std::string_view bytes) {
  std::vector<wire::Value> values;
  for (size_t at = 0; at < bytes.size(); at += 7) {
    values.push_back(bytes[at] == '\0' ? wire::Value() : wire::Value(bytes.substr(at, 7)));
  }
  std::string out;
  wire::append_data_row(out, values);
  const std::string_view payload = only_frame(out, 'D');
  Walk walk(payload);
  require(walk.take(2) == static_cast<int64_t>(values.size()));
  for (const wire::Value& value : values) {
    const int64_t length = walk.take(4);
    require(value ? length == static_cast<int64_t>(value->size()) : length == 0xFFFFFFFF);
    if (!value) continue;
    require(payload.substr(walk.at(), value->size()) == *value);
    walk.skip(length);
  }
  require(walk.ok() && walk.at() == payload.size());
}

// Types of a fixed size have it in binary form, too, and texts are what they are.
void check_binary_forms(std::string_view text) {
  struct Sized {
    uint32_t oid;
    size_t bytes;
  };
  for (const Sized& type :
       {Sized{16, 1}, Sized{21, 2}, Sized{23, 4}, Sized{20, 8}, Sized{701, 8}, Sized{1184, 8}}) {
    const auto form = wire::binary_form(type.oid, text);
    require(wire::has_binary_form(type.oid) && (!form || form->size() == type.bytes));
  }
  for (const uint32_t oid : {19U, 25U, 114U, 1043U}) require(wire::binary_form(oid, text) == text);
  require(!wire::binary_form(1700, text) && !wire::has_binary_form(1700));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0:
      check_bind(rest);
      break;
    case 1:
      check_parse(rest);
      break;
    case 2:
      check_query(rest);
      break;
    case 3:
      check_names(rest);
      break;
    case 4:
      check_fields(rest);
      break;
    case 5:
      check_reports(rest);
      break;
    case 6:
      check_rows(rest.substr(0, 7 * 1000));
      break;
    default:
      check_binary_forms(rest);
      break;
  }
  return 0;
}
