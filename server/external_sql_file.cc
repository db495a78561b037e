#include "server/external_sql_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "catalog/error.h"
#include "grammar/scan.h"

namespace metadb::server {
namespace {

namespace scan = grammar::scan;
using catalog::Error;

constexpr std::string_view kDirective = "--metadb:";

std::vector<std::string> words_in(std::string_view text) {
  std::vector<std::string> words;
  std::istringstream input{std::string(text)};
  for (std::string word; input >> word;) words.push_back(word);
  return words;
}

// As Metadb 1.4 has it: an unquoted name of letters, digits and underscores, none of ours.
bool is_table_name(const std::string& name) {
  return std::ranges::all_of(name, [](char c) { return scan::is_word_part(c) && c != '$'; }) &&
         !name.empty() && scan::is_word_start(name.front()) && !name.starts_with("__");
}

std::string folded(std::string name) {
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return name;
}

// A main table stands for its current one. Other names that end in an underscore are none of a
// source's: zzz___t___ and the like.
std::string current_name(std::string name) {
  constexpr std::string_view kMain = "__";
  if (name.ends_with(kMain)) name.resize(name.size() - kMain.size());
  return name.ends_with('_') ? "" : name;
}

// The directives of a file, one after the other.
class Directives {
 public:
  explicit Directives(ExternalFile& file) : file_(file) {}

  void add(std::string_view comment, int line) {
    const auto words = words_in(comment.substr(kDirective.size()));
    if (!words.empty() && words[0] == "table") {
      table(words, line);
    } else if (!words.empty() && words[0] == "require") {
      require(words, line);
    } else {
      file_.unknown_directives.emplace_back(comment);
    }
  }

 private:
  [[noreturn]] static void refuse(int line, std::string_view expected) {
    throw Error("42601", fmt::format("line {}: a directive does not parse", line))
        .with_hint(fmt::format("Expected is {}.", expected));
  }

  void table(const std::vector<std::string>& words, int line) {
    if (words.size() != 2 || !is_table_name(words[1])) {
      refuse(line, "--metadb:table NAME, with a name without schema");
    }
    file_.table = folded(words[1]);
  }

  void require(const std::vector<std::string>& words, int line) {
    constexpr std::string_view kRequireForm = "--metadb:require SCHEMA.TABLE.COLUMN TYPE";
    if (words.size() < 3) refuse(line, kRequireForm);
    const std::string& name = words[1];
    const size_t first = name.find('.');
    const size_t second = first == std::string::npos ? first : name.find('.', first + 1);
    if (second == std::string::npos || name.find('.', second + 1) != std::string::npos) {
      refuse(line, kRequireForm);
    }
    RequiredColumn required{folded(name.substr(0, first)),
                            current_name(folded(name.substr(first + 1, second - first - 1))),
                            folded(name.substr(second + 1)), words[2], line};
    for (size_t i = 3; i < words.size(); ++i) required.type += " " + words[i];
    if (required.schema.empty() || required.table.empty() || required.column.empty()) {
      refuse(line, kRequireForm);
    }
    file_.required.push_back(std::move(required));
  }

  ExternalFile& file_;
};

bool starts_its_line(std::string_view text, size_t at) {
  while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t' || text[at - 1] == '\r')) --at;
  return at == 0 || text[at - 1] == '\n';
}

bool has_empty_line(std::string_view blanks) {
  return std::ranges::count(blanks, '\n') >= 2;
}

// Where lines are, asked for growing positions.
class LineCount {
 public:
  explicit LineCount(std::string_view text) : text_(text) {}
  int at(size_t position) {
    line_ +=
        static_cast<int>(std::ranges::count(text_.substr(counted_, position - counted_), '\n'));
    counted_ = position;
    return line_;
  }

 private:
  std::string_view text_;
  size_t counted_ = 0;
  int line_ = 1;
};

}  // namespace

ExternalFile parse_external_file(std::string_view text) {
  ExternalFile file;
  Directives directives(file);
  LineCount lines(text);
  LineCount directive_lines(text);
  size_t begin = 0;
  const auto end_statement = [&](size_t end) {
    const size_t first = scan::blank_end(text, begin);
    if (first < end) {
      file.statements.push_back({std::string(text.substr(first, end - first)), lines.at(first)});
    }
  };
  scan::Piece piece = scan::next(text, 0);
  for (; piece.kind != scan::Kind::end; piece = scan::next(text, piece.end)) {
    const std::string_view written = text.substr(piece.begin, piece.end - piece.begin);
    if (piece.kind == scan::Kind::comment && written.starts_with(kDirective) &&
        starts_its_line(text, piece.begin)) {
      directives.add(written, directive_lines.at(piece.begin));
    }
    if (piece.kind != scan::Kind::space || !has_empty_line(written)) continue;
    end_statement(piece.begin);
    begin = piece.end;
  }
  end_statement(text.size());
  return file;
}

}  // namespace metadb::server
