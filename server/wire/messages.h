// Messages that we write ourselves, and the few of the client's that we read.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace metadb::server::wire {

// ---- Writing. Each function appends one whole message to `out`.

// Fields of ErrorResponse and NoticeResponse; empty ones are left out.
struct Report {
  std::string severity = "ERROR";  // not localized: also sent as V
  std::string sqlstate;
  std::string message;
  std::string detail;
  std::string hint;
  int position = 0;  // 1-based, in characters; 0 = none
};

struct RowColumn {
  std::string name;
  uint32_t type_oid;
  int16_t type_size;
  int16_t format;  // 0 text, 1 binary
};

using Value = std::optional<std::string>;  // nullopt = NULL

void append_error(std::string& out, const Report& report);
void append_notice(std::string& out, const Report& report);
void append_row_description(std::string& out, std::span<const RowColumn> columns);
void append_data_row(std::string& out, std::span<const Value> values);
void append_command_complete(std::string& out, std::string_view tag);
void append_ready_for_query(std::string& out, char status);
void append_parameter_description_of_none(std::string& out);
// A message without payload, e.g. ParseComplete '1', NoData 'n', Sync 'S', Flush 'H'.
void append_bare(std::string& out, char type);
void append_backend_key(std::string& out, uint32_t pid, std::string_view secret);
void append_execute(std::string& out, std::string_view portal);
void append_password(std::string& out, std::string_view password);
void append_sasl_initial_response(std::string& out, std::string_view mechanism,
                                  std::string_view response);
void append_sasl_response(std::string& out, std::string_view response);
// AuthenticationXXX: its code, then what belongs to it.
void append_authentication(std::string& out, uint32_t method, std::string_view data = {});
// The packets of a connection's beginning: no type byte.
void append_cancel_request(std::string& out, uint32_t pid, std::string_view secret);
void append_ssl_request(std::string& out);

// ---- Reading. Every length is checked against the payload; nullopt if it does not fit.

// Takes values off the front of a payload. After the first one that is not there, ok() is false
// and everything further is empty.
class PayloadReader {
 public:
  explicit PayloadReader(std::string_view payload) : rest_(payload) {}
  int16_t int16();
  uint32_t uint32();
  char byte();
  std::string_view text();  // up to the next zero byte
  std::string_view bytes(size_t count);
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

struct ParseMessage {
  std::string_view statement;
  std::string_view text;
  int parameters;
};
struct BindMessage {
  std::string_view portal;
  std::string_view statement;
  int parameter_formats;
  int parameters;
  std::vector<int16_t> result_formats;
};
// Describe and Close: what they name.
struct TargetMessage {
  char kind;  // 'S' statement, 'P' portal
  std::string_view name;
};
struct ExecuteMessage {
  std::string_view portal;
  uint32_t rows_max;  // 0 = all
};
struct ParameterStatus {
  std::string_view name;
  std::string_view value;
};
struct BackendKey {
  uint32_t pid = 0;
  std::string secret;
};
struct SaslInitialResponse {
  std::string_view mechanism;
  std::string_view data;
};

std::optional<std::string_view> read_query(std::string_view payload);
std::optional<ParseMessage> read_parse(std::string_view payload);
std::optional<BindMessage> read_bind(std::string_view payload);
std::optional<TargetMessage> read_target(std::string_view payload);
std::optional<ExecuteMessage> read_execute(std::string_view payload);
std::optional<ParameterStatus> read_parameter_status(std::string_view payload);
std::optional<BackendKey> read_backend_key(std::string_view payload);
std::optional<SaslInitialResponse> read_sasl_initial_response(std::string_view payload);
// The value of one field of an ErrorResponse, e.g. 'V'; empty if the payload (which may be only the
// beginning) does not show it.
std::string_view error_field(std::string_view payload, char field);

}  // namespace metadb::server::wire
