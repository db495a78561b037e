// The option `topics` of a Kafka source: literal topic names and regular expressions.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace metadb::ingest {

// Immutable once built; copies share the compiled expressions.
class TopicList {
 public:
  // Reads the option's text: elements are separated by commas; one that begins with `^` is a
  // regular expression, any other the name of one topic. Throws catalog::Error 22023 for a
  // name that no topic can have, 2201B for an expression that does not compile.
  static TopicList parse(std::string_view text);

  // From elements already taken apart, each checked as above.
  explicit TopicList(std::vector<std::string> elements);

  // What rd_kafka_subscribe() takes, one entry per element.
  [[nodiscard]] const std::vector<std::string>& elements() const { return elements_; }
  [[nodiscard]] bool matches(const std::string& topic) const;

 private:
  struct Expression;
  std::vector<std::string> elements_;
  std::vector<std::shared_ptr<const Expression>> expressions_;
};

}  // namespace metadb::ingest
