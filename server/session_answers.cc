#include "server/session_answers.h"

#include "server/session_encoding.h"
#include "server/wire/messages.h"

namespace metadb::server {

namespace asio = boost::asio;

namespace {

// No client has a portal of this name; PostgreSQL's log shows it.
constexpr std::string_view kNoSuchPortal = "metadb: a Metadb command failed in this transaction";
constexpr size_t kFlushBytes = wire::BufferPool::kBufferBytes;

}  // namespace

int16_t format_of(std::span<const int16_t> formats, size_t column) {
  if (formats.empty()) return 0;
  return formats[formats.size() == 1 ? 0 : column];
}

asio::awaitable<Gate> SessionAnswers::await_replies() {
  ReplyQueue& replies = legs_.replies;
  if (!replies.is_empty() && replies.is_unsynced() && !replies.is_copying_in()) {
    std::string flush_message;
    wire::append_bare(flush_message, 'H');
    if (!co_await legs_.upstream.write(flush_message)) co_return Gate::closed;
  }
  while (!replies.is_empty() && !replies.is_copying_in() && !legs_.is_closed()) {
    co_await legs_.changed();
  }
  if (legs_.is_closed()) co_return Gate::closed;
  if (replies.is_copying_in()) co_return Gate::copying;
  co_return replies.is_skipping() ? Gate::skipping : Gate::open;
}

void SessionAnswers::error(const catalog::Error& error) {
  const auto& encoding = legs_.client_encoding;
  wire::Report report;
  report.sqlstate = error.sqlstate;
  report.message = for_client(error.message(), encoding);
  report.detail = for_client(error.detail, encoding);
  report.hint = for_client(error.hint, encoding);
  report.position = error.position;
  wire::append_error(out_, report);
}

void SessionAnswers::row_description(const std::vector<ColumnDescription>& columns,
                                     std::span<const int16_t> formats) {
  std::vector<wire::RowColumn> described;
  for (const ColumnDescription& column : columns) {
    described.push_back({for_client(column.name, legs_.client_encoding), column.type_oid,
                         column.type_size, format_of(formats, described.size())});
  }
  wire::append_row_description(out_, described);
}

asio::awaitable<bool> SessionAnswers::rows(
    std::span<const std::vector<std::optional<std::string>>> rows, bool is_text) {
  for (const auto& row : rows) {
    if (is_text && legs_.client_encoding != "UTF8") {
      auto converted = row;
      for (auto& value : converted) {
        if (value) *value = for_client(*value, legs_.client_encoding);
      }
      wire::append_data_row(out_, converted);
    } else {
      wire::append_data_row(out_, row);
    }
    if (out_.size() >= kFlushBytes) {
      if (!co_await flush()) co_return false;
    }
  }
  co_return true;
}

asio::awaitable<bool> SessionAnswers::flush() {
  if (out_.empty()) co_return true;
  const bool is_written = co_await legs_.tell_client(out_);
  out_.clear();
  if (out_.capacity() > kFlushBytes) out_.shrink_to_fit();
  co_return is_written;
}

bool SessionAnswers::needs_upstream() const {
  return legs_.status == 'T' || legs_.replies.is_unsynced();
}

asio::awaitable<bool> SessionAnswers::fail_upstream() {
  if (!needs_upstream()) co_return true;
  std::string message;
  wire::append_execute(message, kNoSuchPortal);
  legs_.replies.sent(Request::execute, true);
  co_return co_await legs_.upstream.write(message);
}

asio::awaitable<bool> SessionAnswers::sync_upstream() {
  std::string message;
  wire::append_bare(message, 'S');
  legs_.replies.sent(Request::sync);
  co_return co_await legs_.upstream.write(message);
}

}  // namespace metadb::server
