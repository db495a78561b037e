#include "server/commands/at_rest.h"

#include "server/commands/data_source_notices.h"

namespace metadb::server {

using ingest::Order;

AtRest::AtRest(catalog::DataSource source, CommandContext& context)
    : source_(std::move(source)), context_(context) {
  const auto status = context_.workers().status(source_.name);
  if (!status) return;
  const Order before = status->state == ingest::SourceState::waiting ? Order::wait : Order::run;
  context_.workers().renew(source_, Order::wait);
  try {
    while (!context_.workers().await_rest(source_.name)) context_.session().check_stop();
  } catch (const catalog::Error&) {
    context_.workers().renew(source_, before);
    throw;
  }
  before_ = before;
}

AtRest::~AtRest() {
  if (!before_) return;
  start_or_warn(source_.name, context_.session(),
                [this] { context_.workers().renew(source_, *before_); });
}

void AtRest::go_on(const catalog::DataSource& source) {
  before_.reset();
  start_or_warn(source.name, context_.session(),
                [&] { context_.workers().renew(source, Order::run); });
}

}  // namespace metadb::server
