#include "ingest/registered_schemas.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/debezium_error.h"

namespace metadb::ingest {
namespace {

using catalog::Error;

constexpr size_t kReferenceDepthMax = 32;

// One segment of a path, whatever is in it.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  // Else it would name the segment itself, or the one before.
  if (out == "." || out == "..") return fmt::format("%2E{}", out.substr(1));
  return out;
}

std::string text_of(const JsonNode& node, std::string_view name) {
  const JsonNode* member = node.member(name);
  return member == nullptr || member->is_null() ? "" : std::string(member->text);
}

constexpr std::string_view kGoesOn = "The topic goes on by itself once the schema is there.";
// Begins the paths of ids that only Apicurio has, and only in its own interface.
constexpr std::string_view kOfApicurio = "/ids/";
constexpr std::string_view kOtherInterface =
    "The records hold ids of Apicurio: schema_registry has to name its own interface "
    "(/apis/registry/v2 or /v3), not the one for Confluent's clients. If it does, the topic goes "
    "on by itself once the schema is there.";

[[noreturn]] void throw_unusable(const std::string& what, const std::string& why,
                                 std::string_view hint = kGoesOn) {
  throw SchemaMissing(
      Error("55000", fmt::format("{}: {}", what, why)).with_hint(std::string(hint)));
}

// What the registry's own text says of a refusal: {"error_code":40403,"message":"..."}.
std::string refusal(const RegistryAnswer& answer) {
  std::string text = fmt::format("status {}", answer.status);
  try {
    JsonParser parser;
    const std::string message = text_of(parser.parse_object(answer.body), "message");
    if (!message.empty()) text += fmt::format(" ({})", excerpt(message));
  } catch (const DecodeError&) {
    return text;  // a page of a proxy, or nothing
  }
  return text;
}

}  // namespace

RegisteredSchemas::RegisteredSchemas(std::unique_ptr<SchemaRegistry> registry, Silence silence)
    : registry_(std::move(registry)), silence_(silence), next_silence_(silence.first) {}

std::shared_ptr<const AvroSchema> RegisteredSchemas::schema(const SchemaId& id) {
  const auto found = by_id_.find(id);
  if (found != by_id_.end()) {
    known_.splice(known_.begin(), known_, found->second);
    return known_.front().schema;
  }
  if (failure_ && Clock::now() < silent_until_) throw SchemaMissing(*failure_);
  auto schema = asked(id);
  known_.push_front({id, schema});
  by_id_[id] = known_.begin();
  if (known_.size() > kSchemasMax) {
    by_id_.erase(known_.back().id);
    known_.pop_back();
  }
  return schema;
}

std::shared_ptr<const AvroSchema> RegisteredSchemas::asked(const SchemaId& id) {
  const std::string path = path_of(id);
  const std::string what =
      fmt::format("schema {} of registry {}", described(id), registry_->shown(path));
  seen_.clear();
  referenced_.clear();
  try {
    const Registered main = registered(path, what);
    collect(main.references, 0);
    return std::make_shared<const AvroSchema>(main.text, referenced_);
  } catch (const DecodeError& error) {
    throw_unusable(what, error.what());
  }
}

std::string RegisteredSchemas::path_of(const SchemaId& id) const {
  switch (id.kind) {
    case SchemaId::Kind::id:
      return fmt::format("/schemas/ids/{}", id.low);
    case SchemaId::Kind::guid:
      return fmt::format("/schemas/guids/{}", guid_text(id));
    case SchemaId::Kind::global_id:
      return fmt::format("/ids/globalIds/{}", id.low);
    case SchemaId::Kind::content_id:
      break;
  }
  return fmt::format("/ids/contentIds/{}", id.low);
}

// A registry that does not answer, or answers for none of its schemas, is left alone for a while.
std::string RegisteredSchemas::answer_to(const std::string& path, const std::string& what) {
  constexpr unsigned kOk = 200;
  constexpr unsigned kNotFound = 404;
  try {
    RegistryAnswer answer = registry_->get(path);
    if (answer.status != kOk && answer.status != kNotFound) {
      throw Error(answer.status == 401 || answer.status == 403 ? "28000" : "08006",
                  fmt::format("{}: the registry answers with {}", what, refusal(answer)));
    }
    failure_.reset();
    next_silence_ = silence_.first;
    if (answer.status == kNotFound)
      throw_unusable(what, "not registered: " + refusal(answer),
                     path.starts_with(kOfApicurio) ? kOtherInterface : kGoesOn);
    return std::move(answer.body);
  } catch (const SchemaMissing&) {
    throw;
  } catch (const Error& error) {
    failure_ = error;
    silent_until_ = Clock::now() + next_silence_;
    next_silence_ = std::min(silence_.longest, next_silence_ * 2);
    throw SchemaMissing(error);
  }
}

// {"schema":"...","schemaType":"AVRO","references":[{"name":..,"subject":..,"version":..}]}
RegisteredSchemas::Registered RegisteredSchemas::registered(const std::string& path,
                                                            const std::string& what) {
  if (path.starts_with("/ids/") || path.starts_with("/groups/")) {
    return registered_in_apicurio(path, what);
  }
  const std::string body = answer_to(path, what);
  const JsonNode& answer = parser_.parse_object(body);
  const JsonNode* schema = answer.member("schema");
  if (schema == nullptr || schema->kind != JsonKind::string) {
    throw_unusable(what, "the answer holds no schema");
  }
  const std::string type = text_of(answer, "schemaType");
  if (!type.empty() && type != "AVRO") throw_unusable(what, "it is no Avro but " + excerpt(type));
  Registered found{std::string(schema->text), {}};
  const JsonNode* references = answer.member("references");
  if (references == nullptr || references->kind != JsonKind::array) return found;
  for (const JsonNode* one = references->begin(); one != references->end(); one = one->next()) {
    found.references.push_back(fmt::format("/subjects/{}/versions/{}",
                                           percent_encoded(text_of(*one, "subject")),
                                           percent_encoded(text_of(*one, "version"))));
  }
  return found;
}

// Apicurio's own interface answers with the schema itself, and lists what it refers to apart.
RegisteredSchemas::Registered RegisteredSchemas::registered_in_apicurio(const std::string& path,
                                                                        const std::string& what) {
  const bool is_version3 = registry_->shown("").ends_with("/v3");
  const bool is_id = path.starts_with("/ids/");
  Registered found{answer_to(is_version3 && !is_id ? path + "/content" : path, what), {}};
  const std::string body = fmt::format(R"({{"r":{}}})", answer_to(path + "/references", what));
  const JsonNode* references = parser_.parse_object(body).member("r");
  if (references == nullptr || references->kind != JsonKind::array) return found;
  for (const JsonNode* one = references->begin(); one != references->end(); one = one->next()) {
    const std::string group = text_of(*one, "groupId");
    found.references.push_back(fmt::format(
        "/groups/{}/artifacts/{}/versions/{}", percent_encoded(group.empty() ? "default" : group),
        percent_encoded(text_of(*one, "artifactId")), percent_encoded(text_of(*one, "version"))));
  }
  return found;
}

// What a schema refers to comes before it.
void RegisteredSchemas::collect(const std::vector<std::string>& paths, size_t depth) {
  for (const std::string& path : paths) {
    if (!seen_.insert(path).second) continue;
    const std::string what = "schema of registry " + registry_->shown(path);
    if (depth > kReferenceDepthMax || seen_.size() > kReferencesMax) {
      throw_unusable(what, "too many references");
    }
    Registered one = registered(path, what);
    collect(one.references, depth + 1);
    referenced_.push_back(std::move(one.text));
  }
}

// The converter's own default: globalId in version 2, contentId in version 3.
WireOptions wire_options(const catalog::DataSource& source) {
  WireOptions options;
  const std::string format = source.option("format");
  if (format == "json") options.format = WireOptions::Format::json;
  if (format == "avro") options.format = WireOptions::Format::avro;
  if (source.option("schema_registry_type") != "apicurio") return options;
  options.registry = RegistryKind::apicurio;
  const std::string ids = source.option("schema_registry_id");
  const auto url = catalog::parse_url(source.option("schema_registry"));
  const bool is_version3 = url && url->path.ends_with("/v3");
  const bool is_content = ids.empty() ? is_version3 : ids == "content";
  options.apicurio_ids = is_content ? SchemaId::Kind::content_id : SchemaId::Kind::global_id;
  return options;
}

namespace {

RegistryOptions registry_options(const catalog::DataSource& source) {
  const std::string text = source.option("schema_registry");
  const auto url = catalog::parse_url(text);
  if (!url) {
    throw Error("22023", fmt::format("invalid value for option \"schema_registry\": \"{}\"",
                                     catalog::masked_url(text)));
  }
  RegistryOptions options;
  options.url = *url;
  const bool is_apicurio = wire_options(source).registry == RegistryKind::apicurio;
  if (is_apicurio && url->path.empty()) options.url.path = "/apis/registry/v2";
  const std::string user = source.option("schema_registry_user");
  options.user = user.empty() ? url->user : user;
  const std::string password = source.option("schema_registry_password");
  options.password = password.empty() ? url->password : password;
  options.ca_file = source.option("schema_registry_ca");
  return options;
}

}  // namespace

std::optional<std::string> probe_registry(const catalog::DataSource& source, std::stop_token stop) {
  if (source.option("schema_registry").empty()) return std::nullopt;
  const bool is_apicurio = wire_options(source).registry == RegistryKind::apicurio;
  const std::string path = is_apicurio ? "/system/info" : "/subjects";
  try {
    SchemaRegistry registry(registry_options(source), std::move(stop));
    const RegistryAnswer answer = registry.get(path);
    if (answer.status == 200) return std::nullopt;
    return fmt::format("schema registry {}: {}", registry.shown(path), refusal(answer));
  } catch (const Error& error) {
    return error.message();
  }
}

std::shared_ptr<SchemaStore> schema_store(const catalog::DataSource& source, std::stop_token stop) {
  if (source.option("schema_registry").empty()) return nullptr;
  return std::make_shared<RegisteredSchemas>(
      std::make_unique<SchemaRegistry>(registry_options(source), std::move(stop)),
      RegisteredSchemas::Silence{});
}

}  // namespace metadb::ingest
