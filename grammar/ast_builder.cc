#include "grammar/ast_builder.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "MetadbParserBaseVisitor.h"
#include "grammar/literal.h"

namespace metadb::grammar {
namespace {

using metadb_antlr::MetadbParser;
using Any = antlrcpp::Any;

int position_of(const antlr4::Token& token) {
  return static_cast<int>(token.getStartIndex()) + 1;
}

ast::Name name_of(MetadbParser::NameContext* node) {
  const antlr4::Token& token = *node->getStart();
  const std::string written = token.getText();
  const bool is_quoted = node->QUOTED_NAME() != nullptr;
  return {is_quoted ? unquote_name(written) : fold_name(written), position_of(token)};
}

std::optional<ast::Name> optional_name_of(MetadbParser::NameContext* node) {
  if (node == nullptr) return {};
  return name_of(node);
}

ast::Text text_of(MetadbParser::StringContext* node) {
  const antlr4::Token& token = *node->getStart();
  return {decode_string(token.getText(), position_of(token)), position_of(token)};
}

ast::Secret secret_of(MetadbParser::StringContext* node) {
  const antlr4::Token& token = *node->getStart();
  return {decode_string(token.getText(), position_of(token)), position_of(token)};
}

std::optional<ast::Text> optional_text_of(MetadbParser::StringContext* node) {
  if (node == nullptr) return {};
  return text_of(node);
}

ast::QualifiedName qualified_name_of(MetadbParser::QualifiedNameContext* node) {
  return {name_of(node->name(0)), name_of(node->name(1))};
}

std::vector<ast::QualifiedName> qualified_names_of(
    const std::vector<MetadbParser::QualifiedNameContext*>& nodes) {
  std::vector<ast::QualifiedName> names;
  for (auto* node : nodes) names.push_back(qualified_name_of(node));
  return names;
}

ast::Name option_name_of(MetadbParser::OptionNameContext* node) {
  ast::Name whole = name_of(node->name(0));
  for (size_t i = 1; i < node->name().size(); ++i) whole.text += "." + name_of(node->name(i)).text;
  return whole;
}

// nullopt: the default, which RESET means without a value.
std::optional<ast::Text> value_of(MetadbParser::ParameterValueContext* node) {
  if (node == nullptr || node->DEFAULT() != nullptr) return {};
  if (node->string() != nullptr) return text_of(node->string());
  const int position = position_of(*node->getStart());
  if (node->name() != nullptr) return ast::Text{name_of(node->name()).text, position};
  const std::string sign = node->MINUS() != nullptr ? "-" : "";
  return ast::Text{sign + node->NUMBER()->getText(), position};
}

ast::Option option_of(MetadbParser::OptionContext* node) {
  return {option_name_of(node->optionName()), text_of(node->string())};
}

ast::OptionChange change_of(MetadbParser::OptionChangeContext* node) {
  if (node->DROP() != nullptr) {
    return {ast::OptionAction::drop, option_name_of(node->optionName()), {}};
  }
  ast::Option option = option_of(node->option());
  const auto action = node->SET() != nullptr ? ast::OptionAction::set : ast::OptionAction::add;
  return {action, std::move(option.name), std::move(option.value)};
}

// Appends the tokens below `node` the way format_type() spaces them.
void append_type(std::string& sql, antlr4::tree::ParseTree& node) {
  auto* terminal = dynamic_cast<antlr4::tree::TerminalNode*>(&node);
  if (terminal == nullptr) {
    for (antlr4::tree::ParseTree* child : node.children) append_type(sql, *child);
    return;
  }
  std::string written = terminal->getSymbol()->getText();
  if (terminal->getSymbol()->getType() != MetadbParser::QUOTED_NAME) written = fold_name(written);
  constexpr std::string_view kPunctuation = "()[],.-";
  const bool is_word = kPunctuation.find(written.front()) == std::string_view::npos;
  const bool follows_word =
      !sql.empty() && std::string_view("([,.-").find(sql.back()) == std::string_view::npos;
  if (is_word && follows_word) sql.push_back(' ');
  sql += written;
}

ast::TypeName type_of(MetadbParser::TypeNameContext* node) {
  ast::TypeName type{"", position_of(*node->getStart())};
  append_type(type.sql, *node);
  return type;
}

ast::AccessObject access_object_of(MetadbParser::AccessObjectContext* node) {
  if (auto* table = dynamic_cast<MetadbParser::AccessTableContext*>(node)) {
    return qualified_name_of(table->qualifiedName());
  }
  if (auto* function = dynamic_cast<MetadbParser::AccessFunctionContext*>(node)) {
    ast::FunctionSignature signature{qualified_name_of(function->qualifiedName()), {}};
    for (auto* type : function->typeName()) signature.argument_types.push_back(type_of(type));
    return signature;
  }
  return ast::AllObjects{};
}

// One method per label of rule `command`.
class Builder final : public metadb_antlr::MetadbParserBaseVisitor {
 public:
  ast::Command take() { return std::move(command_.value()); }

  Any visitCreateDataSource(MetadbParser::CreateDataSourceContext* node) override {
    ast::CreateDataSource command{name_of(node->name(0)), name_of(node->name(1)), {}};
    for (auto* option : node->option()) command.options.push_back(option_of(option));
    return put(std::move(command));
  }
  Any visitAlterDataSource(MetadbParser::AlterDataSourceContext* node) override {
    ast::AlterDataSource command{name_of(node->name()), {}};
    for (auto* change : node->optionChange()) command.changes.push_back(change_of(change));
    return put(std::move(command));
  }
  Any visitDropDataSource(MetadbParser::DropDataSourceContext* node) override {
    return put(ast::DropDataSource{name_of(node->name())});
  }
  Any visitPauseDataSource(MetadbParser::PauseDataSourceContext* node) override {
    return put(ast::PauseDataSource{name_of(node->name())});
  }
  Any visitResumeDataSource(MetadbParser::ResumeDataSourceContext* node) override {
    return put(ast::ResumeDataSource{name_of(node->name())});
  }
  Any visitSyncDataSource(MetadbParser::SyncDataSourceContext* node) override {
    return put(ast::SyncDataSource{name_of(node->name())});
  }
  Any visitEndSyncDataSource(MetadbParser::EndSyncDataSourceContext* node) override {
    return put(ast::EndSyncDataSource{name_of(node->name()), node->FORCE() != nullptr,
                                      qualified_names_of(node->qualifiedName())});
  }
  Any visitCreateDataOrigin(MetadbParser::CreateDataOriginContext* node) override {
    return put(ast::CreateDataOrigin{name_of(node->name())});
  }
  Any visitCreateDataMapping(MetadbParser::CreateDataMappingContext* node) override {
    auto* mapped = node->mappedColumn();
    return put(ast::CreateDataMapping{qualified_name_of(mapped->qualifiedName()),
                                      name_of(mapped->name()), text_of(mapped->string()),
                                      text_of(node->string()), node->BACKFILL() != nullptr});
  }
  Any visitDropDataMapping(MetadbParser::DropDataMappingContext* node) override {
    auto* mapped = node->mappedColumn();
    return put(ast::DropDataMapping{qualified_name_of(mapped->qualifiedName()),
                                    name_of(mapped->name()), text_of(mapped->string())});
  }
  Any visitCreateUser(MetadbParser::CreateUserContext* node) override {
    auto* options = node->userOptions();
    auto* comment = options->userComment();
    return put(ast::CreateUser{name_of(node->name()), secret_of(options->userPassword()->string()),
                               optional_text_of(comment == nullptr ? nullptr : comment->string())});
  }
  Any visitDropUser(MetadbParser::DropUserContext* node) override {
    return put(ast::DropUser{name_of(node->name())});
  }
  Any visitRegisterUser(MetadbParser::RegisterUserContext* node) override {
    return put(ast::RegisterUser{name_of(node->name())});
  }
  Any visitDeregisterUser(MetadbParser::DeregisterUserContext* node) override {
    return put(ast::DeregisterUser{name_of(node->name())});
  }
  Any visitCreateSchemaForUser(MetadbParser::CreateSchemaForUserContext* node) override {
    return put(ast::CreateSchemaForUser{name_of(node->name())});
  }
  Any visitGrantAccess(MetadbParser::GrantAccessContext* node) override {
    return put(ast::GrantAccess{access_object_of(node->accessObject()), name_of(node->name())});
  }
  Any visitRevokeAccess(MetadbParser::RevokeAccessContext* node) override {
    return put(ast::RevokeAccess{access_object_of(node->accessObject()), name_of(node->name())});
  }
  Any visitAlterTableAddColumn(MetadbParser::AlterTableAddColumnContext* node) override {
    return put(ast::AlterTableAddColumn{qualified_name_of(node->qualifiedName()),
                                        name_of(node->name()), type_of(node->typeName())});
  }
  Any visitAlterTableAlterColumnType(
      MetadbParser::AlterTableAlterColumnTypeContext* node) override {
    return put(ast::AlterTableAlterColumnType{qualified_name_of(node->qualifiedName()),
                                              name_of(node->name()), type_of(node->typeName())});
  }
  Any visitPurgeData(MetadbParser::PurgeDataContext* node) override {
    return put(ast::PurgeData{qualified_names_of(node->qualifiedName())});
  }
  Any visitAlterSystemSet(MetadbParser::AlterSystemSetContext* node) override {
    return put(ast::AlterSystemSet{name_of(node->name()), value_of(node->parameterValue())});
  }
  Any visitList(MetadbParser::ListContext* node) override {
    if (node->name() != nullptr) return put(ast::List{name_of(node->name())});
    return put(ast::List{{"external_sql", position_of(*node->EXTERNAL()->getSymbol())}});
  }
  Any visitRefreshInferredColumnTypes(
      MetadbParser::RefreshInferredColumnTypesContext* /*node*/) override {
    return put(ast::RefreshInferredColumnTypes{});
  }
  Any visitVerifyConsistency(MetadbParser::VerifyConsistencyContext* /*node*/) override {
    return put(ast::VerifyConsistency{});
  }
  Any visitRetryDeadLetters(MetadbParser::RetryDeadLettersContext* node) override {
    return put(ast::RetryDeadLetters{optional_name_of(node->name())});
  }
  Any visitPurgeDeadLetters(MetadbParser::PurgeDeadLettersContext* node) override {
    return put(ast::PurgeDeadLetters{optional_name_of(node->name())});
  }
  Any visitCreateExternalSql(MetadbParser::CreateExternalSqlContext* node) override {
    return put(ast::CreateExternalSql{name_of(node->name()), text_of(node->string(0)),
                                      text_of(node->string(1)), text_of(node->string(2)),
                                      text_of(node->string(3)), optional_text_of(node->string(4))});
  }
  Any visitDropExternalSql(MetadbParser::DropExternalSqlContext* node) override {
    return put(ast::DropExternalSql{name_of(node->name())});
  }
  Any visitRunExternalSql(MetadbParser::RunExternalSqlContext* node) override {
    return put(ast::RunExternalSql{optional_name_of(node->name())});
  }

 private:
  Any put(ast::Command command) {
    command_ = std::move(command);
    return {};
  }

  std::optional<ast::Command> command_;
};

}  // namespace

ast::Command build_command(antlr4::tree::ParseTree& command) {
  Builder builder;
  command.accept(&builder);
  return builder.take();
}

}  // namespace metadb::grammar
