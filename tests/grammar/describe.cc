#include "tests/grammar/describe.h"

namespace metadb::tests {
namespace {

using namespace grammar::ast;  // NOLINT: every struct of the room is named here

std::string show(const Name& name) {
  return name.text;
}
std::string show(const Text& text) {
  return "'" + text.text + "'";
}
std::string show(const TypeName& type) {
  return type.sql;
}
std::string show(const QualifiedName& name) {
  return name.schema.text + "." + name.name.text;
}
std::string show(const Option& option) {
  return show(option.name) + " " + show(option.value);
}

std::string show(const OptionChange& change) {
  switch (change.action) {
    case OptionAction::add:
      return "add " + show(change.name) + " " + show(change.value);
    case OptionAction::set:
      return "set " + show(change.name) + " " + show(change.value);
    case OptionAction::drop:
      return "drop " + show(change.name);
  }
  return "";
}

std::string show(const Secret& secret) {
  return show(Text{secret.text});
}

template <typename T>
std::string show(const std::vector<T>& list) {
  std::string text = "[";
  for (const T& element : list) text += (text.size() > 1 ? ", " : "") + show(element);
  return text + "]";
}

template <typename T>
std::string show(const std::optional<T>& value) {
  return value ? show(*value) : "-";
}

std::string show(const AllObjects& /*all*/) {
  return "all";
}
std::string show(const FunctionSignature& signature) {
  return show(signature.name) + show(signature.argument_types);
}
std::string show(const AccessObject& object) {
  return std::visit([](const auto& alternative) { return show(alternative); }, object);
}

template <typename... Fields>
std::string line(const char* type, const Fields&... fields) {
  std::string text = std::string(type) + "{";
  const size_t empty = text.size();
  ((text += (text.size() > empty ? ", " : "") + show(fields)), ...);
  return text + "}";
}

Name flag(bool is_set, const char* word) {
  return {is_set ? word : "-"};
}

struct Describe {
  std::string operator()(const CreateDataSource& c) {
    return line("CreateDataSource", c.name, c.type, c.options);
  }
  std::string operator()(const AlterDataSource& c) {
    return line("AlterDataSource", c.name, c.changes);
  }
  std::string operator()(const DropDataSource& c) { return line("DropDataSource", c.name); }
  std::string operator()(const PauseDataSource& c) { return line("PauseDataSource", c.name); }
  std::string operator()(const ResumeDataSource& c) { return line("ResumeDataSource", c.name); }
  std::string operator()(const SyncDataSource& c) { return line("SyncDataSource", c.name); }
  std::string operator()(const EndSyncDataSource& c) {
    return line("EndSyncDataSource", c.name, flag(c.is_forced, "force"), c.sweep_tables);
  }
  std::string operator()(const CreateDataOrigin& c) { return line("CreateDataOrigin", c.name); }
  std::string operator()(const CreateDataMapping& c) {
    return line("CreateDataMapping", c.table, c.column, c.path, c.target_identifier,
                flag(c.is_backfill, "backfill"));
  }
  std::string operator()(const DropDataMapping& c) {
    return line("DropDataMapping", c.table, c.column, c.path);
  }
  std::string operator()(const CreateUser& c) {
    return line("CreateUser", c.name, c.password, c.comment);
  }
  std::string operator()(const DropUser& c) { return line("DropUser", c.name); }
  std::string operator()(const RegisterUser& c) { return line("RegisterUser", c.name); }
  std::string operator()(const DeregisterUser& c) { return line("DeregisterUser", c.name); }
  std::string operator()(const CreateSchemaForUser& c) {
    return line("CreateSchemaForUser", c.user);
  }
  std::string operator()(const GrantAccess& c) { return line("GrantAccess", c.object, c.user); }
  std::string operator()(const RevokeAccess& c) { return line("RevokeAccess", c.object, c.user); }
  std::string operator()(const AlterTableAddColumn& c) {
    return line("AlterTableAddColumn", c.table, c.column, c.type);
  }
  std::string operator()(const AlterTableAlterColumnType& c) {
    return line("AlterTableAlterColumnType", c.table, c.column, c.type);
  }
  std::string operator()(const PurgeData& c) { return line("PurgeData", c.tables); }
  std::string operator()(const AlterSystemSet& c) {
    return line("AlterSystemSet", c.parameter, c.value);
  }
  std::string operator()(const List& c) { return line("List", c.name); }
  std::string operator()(const RefreshInferredColumnTypes& /*c*/) {
    return line("RefreshInferredColumnTypes");
  }
  std::string operator()(const VerifyConsistency& /*c*/) { return line("VerifyConsistency"); }
  std::string operator()(const RetryDeadLetters& c) { return line("RetryDeadLetters", c.source); }
  std::string operator()(const PurgeDeadLetters& c) { return line("PurgeDeadLetters", c.source); }
  std::string operator()(const CreateExternalSql& c) {
    return line("CreateExternalSql", c.name, c.url, c.ref, c.path, c.schema, c.schedule);
  }
  std::string operator()(const DropExternalSql& c) { return line("DropExternalSql", c.name); }
  std::string operator()(const RunExternalSql& c) { return line("RunExternalSql", c.name); }
};

}  // namespace

std::string describe(const Command& command) {
  return std::visit(Describe{}, command);
}

}  // namespace metadb::tests
