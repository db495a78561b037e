// What the tables of one source table must hold after a series of changes: event by event, in
// memory, in the plainest way.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace metadb::tests {

using Value = std::optional<std::string>;  // nullopt = NULL

struct Version {
  int64_t start_us = 0;
  int64_t end_us = 0;  // INT64_MAX: current
  std::vector<Value> values;
  bool operator==(const Version&) const = default;
};

struct ModelCell {
  bool is_available = true;
  Value value;
};

class HistoryModel {
 public:
  void upsert(const std::string& key, int64_t ts_us, const std::vector<ModelCell>& cells,
              const std::optional<std::string>& old_key = std::nullopt) {
    if (old_key) versions_[*old_key];  // makes the entry before references are taken
    std::vector<Version>& versions = versions_[key];
    const bool has_current = !versions.empty() && versions.back().end_us == INT64_MAX;
    // A moved row's values are those it had under its old key.
    const Version* source = has_current ? &versions.back() : nullptr;
    if (old_key && !versions_[*old_key].empty()) source = &versions_[*old_key].back();
    std::vector<Value> values;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (cells[i].is_available) {
        values.push_back(cells[i].value);
      } else {
        values.push_back(source == nullptr ? std::nullopt : source->values[i]);
      }
    }
    note_displaced(key, ts_us, old_key.has_value());
    if (has_current && versions.back().values == values) return;
    int64_t start_us = ts_us;
    if (!versions.empty()) {
      const Version& before = versions.back();
      start_us = std::max(start_us, has_current ? before.start_us : before.end_us);
    }
    if (has_current) versions.back().end_us = start_us;
    versions.push_back({start_us, INT64_MAX, values});
  }

  void remove(const std::string& key, int64_t ts_us) {
    const auto displaced = displaced_.find(key);
    const bool is_of_displaced = displaced != displaced_.end() && displaced->second == ts_us;
    displaced_.erase(key);
    if (!is_of_displaced) end(versions_[key], ts_us);
  }

  void truncate(int64_t ts_us) {
    displaced_.clear();
    for (auto& [key, versions] : versions_) end(versions, ts_us);
  }

  [[nodiscard]] std::map<std::string, std::vector<Version>> versions() const {
    std::map<std::string, std::vector<Version>> out;
    for (const auto& [key, versions] : versions_) {
      if (!versions.empty()) out[key] = versions;
    }
    return out;
  }

 private:
  static void end(std::vector<Version>& versions, int64_t ts_us) {
    if (versions.empty() || versions.back().end_us != INT64_MAX) return;
    versions.back().end_us = std::max(ts_us, versions.back().start_us);
  }

  // A key change that gives the key of a living row to another one, in one transaction: the next
  // delete of the key in it is about the row that had it.
  void note_displaced(const std::string& key, int64_t ts_us, bool is_key_change) {
    const std::vector<Version>& versions = versions_[key];
    const bool has_current = !versions.empty() && versions.back().end_us == INT64_MAX;
    const bool displaces = is_key_change && has_current && versions.back().start_us < ts_us;
    const auto noted = displaced_.find(key);
    const bool is_noted = noted != displaced_.end() && noted->second == ts_us;
    if (displaces) {
      displaced_[key] = ts_us;
    } else if (!is_key_change || !is_noted) {
      displaced_.erase(key);
    }
  }

  std::map<std::string, std::vector<Version>> versions_;
  std::map<std::string, int64_t> displaced_;
};

}  // namespace metadb::tests
