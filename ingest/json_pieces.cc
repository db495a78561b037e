#include "ingest/json_pieces.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ingest/json_walk.h"

namespace metadb::ingest {
namespace {

// What is nested more deeply is empty: less than JsonParser takes, more than a table has ordinals
// for.
constexpr int kPrunedDepthMax = 100;

struct NoJson {};

// Moves over a text. Throws NoJson where it cannot be JSON.
class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text) : text_(text) {}

  // The next character that is no space; 0 at the end.
  char peek() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool is_over() { return peek() == '\0' && at_ == text_.size(); }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) throw NoJson();
  }
  std::string_view string() {
    const size_t begin = at_;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    if (at_ >= text_.size()) throw NoJson();
    ++at_;
    return text_.substr(begin, at_ - begin);
  }
  // The value that comes next.
  std::string_view value() {
    const char first = peek();
    const size_t begin = at_;
    if (first == '{' || first == '[') {
      skip_nested();
    } else if (first == '"') {
      string();
    } else {
      at_ = std::min(text_.find_first_of(",:]} \t\r\n", at_), text_.size());
    }
    if (at_ == begin) throw NoJson();
    return text_.substr(begin, at_ - begin);
  }
  [[nodiscard]] size_t at() const { return at_; }
  void go_to(size_t at) { at_ = at; }
  [[nodiscard]] std::string_view between(size_t begin, size_t end) const {
    return text_.substr(begin, end - begin);
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

  void skip_nested() {
    int depth = 0;
    do {
      at_ = text_.find_first_of("{}[]\"", at_);
      if (at_ == std::string_view::npos) throw NoJson();
      if (text_[at_] == '"') {
        string();
        continue;
      }
      depth += text_[at_] == '{' || text_[at_] == '[' ? 1 : -1;
      ++at_;
    } while (depth > 0);
  }

  std::string_view text_;
  size_t at_ = 0;
};

// A text without what nothing maps, and with an empty array in place of each large one.
struct Pruned {
  struct Array {
    size_t at = 0;           // in the text
    std::string_view whole;  // what stood there
    int depth = 0;           // how many arrays and objects of the document it is in
  };
  std::string text;
  std::vector<Array> arrays;
};

class Pruner {
 public:
  Pruner(std::string_view text, size_t piece_bytes) : scanner_(text), piece_bytes_(piece_bytes) {}

  Pruned document(const JsonMap& map) {
    value(&map, 0);
    return finished();
  }
  // `text`: elements of an array, without its brackets; `depth`: what they are in.
  Pruned elements(const JsonMap& map, int depth) {
    out_.text += '[';
    value(&map, depth);
    while (scanner_.take(',')) {
      out_.text += ',';
      value(&map, depth);
    }
    out_.text += ']';
    return finished();
  }

 private:
  Pruned finished() {
    if (!scanner_.is_over()) throw NoJson();
    return std::move(out_);
  }

  // `map`: null if nothing maps it.
  void value(const JsonMap* map, int depth) {
    const char first = scanner_.peek();
    const bool is_object = first == '{';
    if (!is_object && first != '[') {
      out_.text += scanner_.value();
    } else if (map == nullptr || depth > kPrunedDepthMax) {
      scanner_.value();
      out_.text += is_object ? "{}" : "[]";
    } else if (is_object) {
      object(*map, depth);
    } else {
      array(*map, depth);
    }
  }

  void object(const JsonMap& map, int depth) {
    scanner_.expect('{');
    out_.text += '{';
    for (bool is_first = true; !scanner_.take('}'); is_first = false) {
      separate(is_first);
      if (scanner_.peek() != '"') throw NoJson();
      const std::string_view name = scanner_.string();
      scanner_.expect(':');
      out_.text += name;
      out_.text += ':';
      value(field(map, name), depth + 1);
    }
    out_.text += '}';
  }

  void array(const JsonMap& map, int depth) {
    const size_t begin = scanner_.at();
    const std::string_view whole = scanner_.value();
    if (whole.size() > piece_bytes_) {
      out_.arrays.push_back({out_.text.size(), whole, depth});
      out_.text += "[]";
      return;
    }
    scanner_.go_to(begin);
    scanner_.expect('[');
    out_.text += '[';
    for (bool is_first = true; !scanner_.take(']'); is_first = false) {
      separate(is_first);
      value(&map, depth + 1);
    }
    out_.text += ']';
  }

  void separate(bool is_first) {
    if (is_first) return;
    scanner_.expect(',');
    out_.text += ',';
  }

  // `name`: as it stands in the text.
  const JsonMap* field(const JsonMap& map, std::string_view name) {
    std::string_view plain = name.substr(1, name.size() - 2);
    if (plain.find('\\') != std::string_view::npos) {
      const JsonNode* read = parse_json(names_, name);
      if (read == nullptr) throw NoJson();
      plain = read->text;
    }
    const auto found = std::ranges::find(map.fields, plain, &JsonMap::field);
    return found == map.fields.end() ? nullptr : &*found;
  }

  JsonScanner scanner_;
  size_t piece_bytes_;
  JsonParser names_;
  Pruned out_;
};

// Calls `each` with the elements of the array, so many at a time that they have about that size.
template <class Each>
void each_piece(std::string_view array, size_t piece_bytes, const Each& each) {
  JsonScanner scanner(array);
  scanner.expect('[');
  if (scanner.take(']')) return;
  for (bool is_over = false; !is_over;) {
    scanner.peek();
    const size_t begin = scanner.at();
    size_t end = begin;
    do {
      scanner.value();
      end = scanner.at();
      is_over = !scanner.take(',');
    } while (!is_over && end - begin < piece_bytes);
    each(scanner.between(begin, end));
  }
  scanner.expect(']');
}

class Pieces : public JsonArraysElsewhere {
 public:
  Pieces(JsonRowSink& to, size_t piece_bytes) : walk_(to, this), piece_bytes_(piece_bytes) {}

  void run(const JsonMap& map, std::string_view text) {
    with_tree(Pruner(text, piece_bytes_).document(map),
              [&](const JsonNode& document) { walk_.document(map, document); });
  }
  bool walk(const JsonMap& table, const JsonNode& array, JsonWalk& walk) override {
    const auto at = static_cast<size_t>(array.text.data() - begin_);
    const auto found = std::ranges::lower_bound(arrays_, at, {}, &Pruned::Array::at);
    if (found == arrays_.end() || found->at != at) return false;
    const Pruned::Array large = *found;  // arrays_ is another one in each piece
    each_piece(large.whole, piece_bytes_, [&](std::string_view elements) {
      with_tree(Pruner(elements, piece_bytes_).elements(table, large.depth + 1),
                [&](const JsonNode& piece) { walk.next_elements(table, piece); });
    });
    return true;
  }

 private:
  // The trees above are still in use.
  template <class Use>
  void with_tree(Pruned pruned, const Use& use) {
    JsonParser parser;
    const JsonNode* tree = parse_json(parser, pruned.text);
    if (tree == nullptr) throw NoJson();
    pruned.text = std::string();  // the parser has its own
    const char* begin = std::exchange(begin_, tree->text.data());
    auto arrays = std::exchange(arrays_, std::move(pruned.arrays));
    use(*tree);
    begin_ = begin;
    arrays_ = std::move(arrays);
  }

  JsonWalk walk_;
  size_t piece_bytes_;
  // Of the tree in hand.
  const char* begin_ = nullptr;
  std::vector<Pruned::Array> arrays_;
};

class NoRows : public JsonRowSink {
 public:
  void begin(const JsonMap&, std::span<const JsonLevel>) override {}
  void member(std::string_view, std::string_view, const JsonNode&) override {}
  void element(const JsonNode&) override {}
  void end() override {}
};

bool is_deep(std::string_view text) {
  int depth = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
      }
    } else if (c == '{' || c == '[') {
      if (++depth > kPrunedDepthMax) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

bool transform_json_text(JsonParser& parser, const JsonMap& map, std::string_view text,
                         JsonRowSink& to, size_t piece_bytes) {
  if (text.size() <= piece_bytes) {
    const JsonNode* document = parse_json(parser, text);
    if (document != nullptr) transform_json(map, *document, to);
    if (document != nullptr || !is_deep(text)) return document != nullptr;
  }
  try {
    // What is no JSON has no rows: it is looked at before there are any.
    NoRows none;
    Pieces(none, piece_bytes).run(map, text);
  } catch (const NoJson&) {
    return false;
  }
  Pieces(to, piece_bytes).run(map, text);
  return true;
}

}  // namespace metadb::ingest
