#include "server/wire/messages.h"

#include <endian.h>

#include <cstring>

#include "server/wire/startup.h"

namespace metadb::server::wire {

namespace {

void append_int16(std::string& out, int16_t value) {
  const uint16_t wire = htobe16(static_cast<uint16_t>(value));
  out.append(reinterpret_cast<const char*>(&wire), sizeof wire);
}

void append_uint32(std::string& out, uint32_t value) {
  const uint32_t wire = htobe32(value);
  out.append(reinterpret_cast<const char*>(&wire), sizeof wire);
}

void append_text(std::string& out, std::string_view text) {
  // A zero byte would end the field early and shift everything behind it.
  out.append(text.substr(0, text.find('\0')));
  out.push_back('\0');
}

// Opens a message; its length is filled in when the body is complete.
class MessageScope {
 public:
  MessageScope(std::string& out, char type) : out_(out) {
    out_.push_back(type);
    length_at_ = out_.size();
    append_uint32(out_, 0);
  }
  ~MessageScope() {
    const uint32_t wire = htobe32(static_cast<uint32_t>(out_.size() - length_at_));
    std::memcpy(out_.data() + length_at_, &wire, sizeof wire);
  }
  MessageScope(const MessageScope&) = delete;
  MessageScope& operator=(const MessageScope&) = delete;

 private:
  std::string& out_;
  size_t length_at_;
};

void append_field(std::string& out, char code, std::string_view text) {
  if (text.empty()) return;
  out.push_back(code);
  append_text(out, text);
}

void append_report(std::string& out, char type, const Report& report) {
  const MessageScope message(out, type);
  append_field(out, 'S', report.severity);
  append_field(out, 'V', report.severity);
  append_field(out, 'C', report.sqlstate);
  append_field(out, 'M', report.message);
  append_field(out, 'D', report.detail);
  append_field(out, 'H', report.hint);
  if (report.position > 0) append_field(out, 'P', std::to_string(report.position));
  out.push_back('\0');
}

}  // namespace

void append_error(std::string& out, const Report& report) {
  append_report(out, 'E', report);
}

void append_notice(std::string& out, const Report& report) {
  append_report(out, 'N', report);
}

void append_row_description(std::string& out, std::span<const RowColumn> columns) {
  const MessageScope message(out, 'T');
  append_int16(out, static_cast<int16_t>(columns.size()));
  for (const RowColumn& column : columns) {
    append_text(out, column.name);
    append_uint32(out, 0);  // no table
    append_int16(out, 0);   // no column of a table
    append_uint32(out, column.type_oid);
    append_int16(out, column.type_size);
    append_uint32(out, static_cast<uint32_t>(-1));  // no type modifier
    append_int16(out, column.format);
  }
}

void append_data_row(std::string& out, std::span<const Value> values) {
  const MessageScope message(out, 'D');
  append_int16(out, static_cast<int16_t>(values.size()));
  for (const Value& value : values) {
    append_uint32(out, value ? static_cast<uint32_t>(value->size()) : static_cast<uint32_t>(-1));
    if (value) out.append(*value);
  }
}

void append_command_complete(std::string& out, std::string_view tag) {
  const MessageScope message(out, 'C');
  append_text(out, tag);
}

void append_ready_for_query(std::string& out, char status) {
  const MessageScope message(out, 'Z');
  out.push_back(status);
}

void append_parameter_description_of_none(std::string& out) {
  const MessageScope message(out, 't');
  append_int16(out, 0);
}

void append_bare(std::string& out, char type) {
  const MessageScope message(out, type);
}

void append_backend_key(std::string& out, uint32_t pid, std::string_view secret) {
  const MessageScope message(out, 'K');
  append_uint32(out, pid);
  out.append(secret);
}

void append_execute(std::string& out, std::string_view portal) {
  const MessageScope message(out, 'E');
  append_text(out, portal);
  append_uint32(out, 0);
}

void append_password(std::string& out, std::string_view password) {
  const MessageScope message(out, 'p');
  append_text(out, password);
}

void append_sasl_initial_response(std::string& out, std::string_view mechanism,
                                  std::string_view response) {
  const MessageScope message(out, 'p');
  append_text(out, mechanism);
  append_uint32(out, static_cast<uint32_t>(response.size()));
  out.append(response);
}

void append_sasl_response(std::string& out, std::string_view response) {
  const MessageScope message(out, 'p');
  out.append(response);
}

void append_authentication(std::string& out, uint32_t method, std::string_view data) {
  const MessageScope message(out, 'R');
  append_uint32(out, method);
  out.append(data);
}

void append_ssl_request(std::string& out) {
  append_uint32(out, 2 * sizeof(uint32_t));
  append_uint32(out, kSslRequestCode);
}

void append_cancel_request(std::string& out, uint32_t pid, std::string_view secret) {
  append_uint32(out, static_cast<uint32_t>(3 * sizeof(uint32_t) + secret.size()));
  append_uint32(out, kCancelRequestCode);
  append_uint32(out, pid);
  out.append(secret);
}

int16_t PayloadReader::int16() {
  const std::string_view raw = bytes(sizeof(uint16_t));
  uint16_t wire = 0;
  if (ok_) std::memcpy(&wire, raw.data(), sizeof wire);
  return static_cast<int16_t>(be16toh(wire));
}

uint32_t PayloadReader::uint32() {
  const std::string_view raw = bytes(sizeof(uint32_t));
  uint32_t wire = 0;
  if (ok_) std::memcpy(&wire, raw.data(), sizeof wire);
  return be32toh(wire);
}

char PayloadReader::byte() {
  const std::string_view raw = bytes(1);
  return ok_ ? raw.front() : '\0';
}

std::string_view PayloadReader::text() {
  const size_t end = rest_.find('\0');
  if (end == std::string_view::npos) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view text = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return text;
}

std::string_view PayloadReader::bytes(size_t count) {
  if (count > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::optional<std::string_view> read_query(std::string_view payload) {
  PayloadReader reader(payload);
  const std::string_view text = reader.text();
  if (!reader.ok() || !reader.rest().empty()) return std::nullopt;
  return text;
}

std::optional<ParseMessage> read_parse(std::string_view payload) {
  PayloadReader reader(payload);
  ParseMessage message{};
  message.statement = reader.text();
  message.text = reader.text();
  message.parameters = reader.int16();
  if (!reader.ok()) return std::nullopt;
  return message;
}

std::optional<BindMessage> read_bind(std::string_view payload) {
  PayloadReader reader(payload);
  BindMessage message{};
  message.portal = reader.text();
  message.statement = reader.text();
  message.parameter_formats = reader.int16();
  for (int i = 0; i < message.parameter_formats && reader.ok(); ++i) reader.int16();
  message.parameters = reader.int16();
  for (int i = 0; i < message.parameters && reader.ok(); ++i) {
    const auto length = static_cast<int32_t>(reader.uint32());
    if (length > 0) reader.bytes(static_cast<size_t>(length));
  }
  const int formats = reader.int16();
  for (int i = 0; i < formats && reader.ok(); ++i) message.result_formats.push_back(reader.int16());
  if (!reader.ok()) return std::nullopt;
  return message;
}

std::optional<TargetMessage> read_target(std::string_view payload) {
  PayloadReader reader(payload);
  TargetMessage message{};
  message.kind = reader.byte();
  message.name = reader.text();
  if (!reader.ok()) return std::nullopt;
  return message;
}

std::optional<ExecuteMessage> read_execute(std::string_view payload) {
  PayloadReader reader(payload);
  ExecuteMessage message{};
  message.portal = reader.text();
  message.rows_max = reader.uint32();
  if (!reader.ok()) return std::nullopt;
  return message;
}

std::optional<ParameterStatus> read_parameter_status(std::string_view payload) {
  PayloadReader reader(payload);
  ParameterStatus status{};
  status.name = reader.text();
  status.value = reader.text();
  if (!reader.ok()) return std::nullopt;
  return status;
}

std::optional<BackendKey> read_backend_key(std::string_view payload) {
  PayloadReader reader(payload);
  BackendKey key;
  key.pid = reader.uint32();
  key.secret = std::string(reader.rest());
  if (!reader.ok() || key.secret.empty()) return std::nullopt;
  return key;
}

std::optional<SaslInitialResponse> read_sasl_initial_response(std::string_view payload) {
  PayloadReader reader(payload);
  SaslInitialResponse response;
  response.mechanism = reader.text();
  const uint32_t size = reader.uint32();
  response.data = reader.rest();
  if (!reader.ok() || size != response.data.size()) return std::nullopt;
  return response;
}

std::string_view error_field(std::string_view payload, char field) {
  PayloadReader reader(payload);
  for (char code = reader.byte(); reader.ok() && code != '\0'; code = reader.byte()) {
    const std::string_view text = reader.text();
    if (code == field) return text;
  }
  return {};
}

}  // namespace metadb::server::wire
