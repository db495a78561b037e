// The commands themselves: one run() for each, in a file named by its noun.
#pragma once

#include "server/commands/command_context.h"

namespace metadb::server {

// Each checks the caller's rights first, throws catalog::Error if the command fails, and leaves
// the tag to its caller.
Reply run(const grammar::ast::CreateDataSource& command, CommandContext& context);
Reply run(const grammar::ast::AlterDataSource& command, CommandContext& context);
Reply run(const grammar::ast::DropDataSource& command, CommandContext& context);
Reply run(const grammar::ast::AlterTableAddColumn& command, CommandContext& context);
Reply run(const grammar::ast::AlterTableAlterColumnType& command, CommandContext& context);
Reply run(const grammar::ast::PurgeData& command, CommandContext& context);
Reply run(const grammar::ast::RefreshInferredColumnTypes& command, CommandContext& context);
Reply run(const grammar::ast::VerifyConsistency& command, CommandContext& context);
Reply run(const grammar::ast::CreateUser& command, CommandContext& context);
Reply run(const grammar::ast::DropUser& command, CommandContext& context);
Reply run(const grammar::ast::RegisterUser& command, CommandContext& context);
Reply run(const grammar::ast::DeregisterUser& command, CommandContext& context);
Reply run(const grammar::ast::CreateSchemaForUser& command, CommandContext& context);
Reply run(const grammar::ast::GrantAccess& command, CommandContext& context);
Reply run(const grammar::ast::RevokeAccess& command, CommandContext& context);
Reply run(const grammar::ast::PauseDataSource& command, CommandContext& context);
Reply run(const grammar::ast::ResumeDataSource& command, CommandContext& context);
Reply run(const grammar::ast::SyncDataSource& command, CommandContext& context);
Reply run(const grammar::ast::EndSyncDataSource& command, CommandContext& context);
Reply run(const grammar::ast::CreateDataOrigin& command, CommandContext& context);
Reply run(const grammar::ast::CreateDataMapping& command, CommandContext& context);
Reply run(const grammar::ast::DropDataMapping& command, CommandContext& context);
Reply run(const grammar::ast::RetryDeadLetters& command, CommandContext& context);
Reply run(const grammar::ast::PurgeDeadLetters& command, CommandContext& context);
Reply run(const grammar::ast::AlterSystemSet& command, CommandContext& context);
Reply run(const grammar::ast::CreateExternalSql& command, CommandContext& context);
Reply run(const grammar::ast::DropExternalSql& command, CommandContext& context);
Reply run(const grammar::ast::RunExternalSql& command, CommandContext& context);
Reply run(const grammar::ast::List& command, CommandContext& context);

}  // namespace metadb::server
