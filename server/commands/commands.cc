#include "server/commands/commands.h"

#include "catalog/settings.h"
#include "server/commands/listing.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;

// Whether a command whose verb PostgreSQL has too concerns us. Commands that only Metadb has never
// get here.
struct Claim {
  const catalog::Snapshot& snapshot;

  bool operator()(const ast::DropUser& command) const {
    return snapshot.users.contains(command.name.text);
  }
  bool operator()(const ast::AlterTableAddColumn& command) const {
    return is_managed(command.table);
  }
  bool operator()(const ast::AlterTableAlterColumnType& command) const {
    return is_managed(command.table);
  }
  bool operator()(const ast::AlterSystemSet& command) const {
    return catalog::setting_row(command.parameter.text) != nullptr;
  }
  // Of the other shared verbs only Metadb has the form.
  template <class Other>
  bool operator()(const Other&) const {
    return true;
  }

  [[nodiscard]] bool is_managed(const ast::QualifiedName& name) const {
    constexpr std::string_view kMainSuffix = "__";
    const std::string& main = name.name.text;
    if (!main.ends_with(kMainSuffix)) return false;
    const auto found =
        snapshot.tables.find({name.schema.text, main.substr(0, main.size() - kMainSuffix.size())});
    return found != snapshot.tables.end() && found->second->main_name == main;
  }
};

}  // namespace

bool Commands::takes(const ast::Command& command, const Caller& /*caller*/) {
  const auto snapshot = parts_.catalog.snapshot();
  return std::visit(Claim{*snapshot}, command);
}

std::vector<ColumnDescription> Commands::describe(const ast::Command& command) {
  const auto* list = std::get_if<ast::List>(&command);
  const Listing* listing = list == nullptr ? nullptr : listing_named(list->name.text);
  return listing == nullptr ? std::vector<ColumnDescription>() : listing->columns;
}

Reply Commands::run(const ast::Command& command, Context& context) {
  CommandContext here(parts_, turns_, context);
  Reply reply = std::visit([&](const auto& known) { return server::run(known, here); }, command);
  reply.tag = ast::tag(command);
  return reply;
}

}  // namespace metadb::server
