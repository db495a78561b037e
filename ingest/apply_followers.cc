// Events that leave values out of a row of which a record was set aside: they wait behind it.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "ingest/apply.h"
#include "ingest/outcome.h"

namespace metadb::ingest {
namespace {

using catalog::Error;

// A topic that stands for its followers looks again so often.
constexpr std::chrono::minutes kLookAgain{1};

Error waiting_for(const catalog::LetterAt& ahead, int32_t part) {
  const std::string other = ahead.part == part ? "" : fmt::format(" of partition {}", ahead.part);
  return {"55000",
          fmt::format("it leaves values out that the record at offset {}{} may have changed,"
                      " and waits behind it",
                      ahead.offset, other)};
}

LaneStopped too_many(const std::string& source_name, const std::string& topic,
                     const catalog::Ahead& ahead) {
  const std::string name = catalog::quote_identifier(source_name);
  LaneStopped stopped(
      Error("53400",
            fmt::format("{} records of one key wait behind the one at offset {}, which was "
                        "set aside, and so would the next",
                        ahead.followers, ahead.letter.offset))
          .with_hint(
              fmt::format("Once the reason is mended, type RETRY DEAD LETTERS FOR DATA SOURCE "
                          "{0}. PURGE DEAD LETTERS FOR DATA SOURCE {0} applies those that "
                          "wait and gives up the one that they wait for.",
                          name)),
      topic);
  stopped.limited_until = std::chrono::steady_clock::now() + kLookAgain;
  return stopped;
}

}  // namespace

// Whether something was set aside that the run may have to do with.
bool Applier::meets_letters(const Run& run) const {
  if (topics_of_letters_.empty()) return false;
  return std::ranges::any_of(run.messages, [&](const Message& message) {
    if (!topics_of_letters_.contains(message.topic)) return false;
    return run.kind == RunKind::truncate || run.kind == RunKind::moved ||
           (message.key && may_be_open(message));
  });
}

// Of key changes it is asked: there may be many, and old letters of their topic.
bool Applier::meets_letters(const TableChanges& changes) {
  return std::ranges::any_of(changes.runs, [&](const Run& run) {
    if (run.kind != RunKind::moved || !meets_letters(run)) return meets_letters(run);
    const Message& message = run.messages.front();
    return (message.key && may_be_open(message)) || letter_ahead_of(run, 0);
  });
}

std::optional<catalog::Ahead> Applier::letter_ahead_of(const Run& run, size_t change) {
  const Message& message = run.messages[change];
  const bool is_moved = run.kind == RunKind::moved;
  if (!message.key || (!is_moved && run.kind != RunKind::merge)) return std::nullopt;
  if (!run.leaves_values_out(change)) return std::nullopt;
  if (is_moved ? !run.old_key || !topics_of_letters_.contains(message.topic)
               : !may_be_open(message)) {
    return std::nullopt;
  }
  catalog::Leaving event{message.topic,
                         {message.partition, message.offset},
                         *message.key,
                         std::nullopt,
                         run.times_us[change]};
  if (is_moved) event.old_key = *run.old_key;
  return catalog::letter_ahead_of(connection_, source_name_, event);
}

// Sets the followers of the run aside; the indexes of its other changes. A change of the run closes
// the letters before it for the changes behind it: should it be refused after all, these are looked
// at again.
std::vector<size_t> Applier::set_followers_aside(const Run& run, const ReadyTable& ready) {
  if (!queued_.empty()) connection_.exec(queued_with(""));
  std::map<std::string_view, catalog::LetterAt> closed;  // by key, before what
  std::vector<size_t> others;
  for (size_t i = 0; i < run.changes(); ++i) {
    const Message& message = run.messages[i];
    const auto last = message.key ? closed.find(*message.key) : closed.end();
    const auto ahead = letter_ahead_of(run, i);
    const bool is_closed =
        ahead && last != closed.end() &&
        (ahead->newest.part != last->second.part || ahead->newest.offset < last->second.offset);
    if (ahead && !is_closed) {
      set_follower_aside(run, i, ready, *ahead);
      continue;
    }
    others.push_back(i);
    if (message.key) closed[*message.key] = {message.partition, message.offset};
  }
  return others;
}

// Those of one batch are not counted: what they wait for must be committed before the topic stops.
void Applier::set_follower_aside(const Run& run, size_t change, const ReadyTable& ready,
                                 const catalog::Ahead& ahead) {
  const Message& message = run.messages[change];
  const std::string topic(message.topic);
  int64_t& in_hand = followers_in_hand_[{topic, std::string(*message.key)}];
  if (ahead.followers - in_hand >= kFollowersMax) throw too_many(source_name_, topic, ahead);
  ++in_hand;
  const Error reason = waiting_for(ahead.letter, message.partition);
  catalog::DeadLetter letter = letter_of(run, change);
  letter.sqlstate = reason.sqlstate;
  letter.error = reason.message();
  letter.schema_name = ready.table->schema;
  letter.table_name = ready.table->current_name;
  letter.follows = ahead.letter;
  catalog::set_aside(connection_, letter);
  ++outcome_.dead_letters;
  note_open_letter(topic, *message.key);
  spdlog::warn("data source {}: topic {} partition {} offset {} set aside: {}", source_name_,
               message.topic, message.partition, message.offset, letter.error);
}

// A letter that leaves values out is not applied before those that may hold them.
void Applier::await_turn(const Batch& batch) {
  ahead_.reset();
  bool leaves_values_out = false;
  for (const TableChanges& changes : batch.tables()) {
    for (const Run& run : changes.runs) {
      const bool is_keyed = run.kind == RunKind::merge || run.kind == RunKind::moved;
      if (!is_keyed || run.changes() != 1 || !run.leaves_values_out(0)) continue;
      leaves_values_out = true;
      if (run.kind != RunKind::moved || ahead_) continue;
      if (const auto ahead = letter_ahead_of(run, 0)) ahead_ = ahead->letter;
    }
  }
  const bool may_wait = leaves_values_out || letter_->letter.follows;
  if (!ahead_ && may_wait)
    ahead_ = catalog::letter_ahead_of(connection_, *letter_, leaves_values_out);
  if (!ahead_) return;
  outcome_.refusal = waiting_for(*ahead_, letter_->letter.part);
  outcome_.is_waiting = true;
}

}  // namespace metadb::ingest
