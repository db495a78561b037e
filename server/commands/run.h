// The commands themselves: one run() for each, in a file named by its noun.
#pragma once

#include <concepts>

#include "server/commands/command_context.h"

namespace metadb::server {

// Each checks the caller's rights first, throws catalog::Error if the command fails, and leaves
// the tag to its caller.
Reply run(const grammar::ast::CreateDataSource& command, CommandContext& context);
Reply run(const grammar::ast::DropDataSource& command, CommandContext& context);
Reply run(const grammar::ast::CreateUser& command, CommandContext& context);
Reply run(const grammar::ast::DropUser& command, CommandContext& context);
Reply run(const grammar::ast::RegisterUser& command, CommandContext& context);
Reply run(const grammar::ast::DeregisterUser& command, CommandContext& context);
Reply run(const grammar::ast::CreateSchemaForUser& command, CommandContext& context);
Reply run(const grammar::ast::GrantAccess& command, CommandContext& context);
Reply run(const grammar::ast::RevokeAccess& command, CommandContext& context);
Reply run(const grammar::ast::AlterSystemSet& command, CommandContext& context);
Reply run(const grammar::ast::List& command, CommandContext& context);

// Answers 0A000 in the name of a command that the grammar knows and nobody has built yet.
[[noreturn]] void refuse_unbuilt(std::string_view tag, CommandContext& context);

template <class Command, class... Commands>
concept OneOf = (std::same_as<Command, Commands> || ...);

template <class Command>
concept Unbuilt = OneOf<
    Command, grammar::ast::AlterDataSource, grammar::ast::PauseDataSource,
    grammar::ast::ResumeDataSource, grammar::ast::SyncDataSource, grammar::ast::EndSyncDataSource,
    grammar::ast::CreateDataOrigin, grammar::ast::CreateDataMapping, grammar::ast::DropDataMapping,
    grammar::ast::AlterTableAddColumn, grammar::ast::AlterTableAlterColumnType,
    grammar::ast::PurgeData, grammar::ast::RefreshInferredColumnTypes,
    grammar::ast::VerifyConsistency, grammar::ast::RetryDeadLetters, grammar::ast::PurgeDeadLetters,
    grammar::ast::CreateExternalSql, grammar::ast::DropExternalSql, grammar::ast::RunExternalSql>;

template <Unbuilt Command>
Reply run(const Command& /*command*/, CommandContext& context) {
  refuse_unbuilt(Command::kTag, context);
}

}  // namespace metadb::server
