// Dead letters of a stream: when there are too many, and how they are tried again, between batches
// and each in a transaction of its own.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "ingest/stream.h"

namespace metadb::ingest {
namespace {

using catalog::Error;
using std::chrono::milliseconds;

// So many, then what has arrived meanwhile comes first.
constexpr int kLettersAtOnce = 20;

struct StoppedTopic {
  const std::string& source_name;
  const std::string& topic;
};

LaneStopped stopped_at_limit(const StoppedTopic& of, const std::string& what,
                             std::chrono::steady_clock::time_point until) {
  const std::string name = catalog::quote_identifier(of.source_name);
  LaneStopped stopped(
      Error("53400", what)
          .with_hint(fmt::format(
              "Once the reason is mended, type RETRY DEAD LETTERS FOR DATA SOURCE {0}. PURGE DEAD "
              "LETTERS FOR DATA SOURCE {0} gives up what was set aside, RESUME DATA SOURCE {0} "
              "leaves it; both go on. The limit is the option dead_letter_limit.",
              name)),
      of.topic);
  stopped.limited_until = until;
  return stopped;
}

Message message_of(std::shared_ptr<const catalog::DeadLetter> letter) {
  Message message;
  message.topic = letter->topic;
  message.partition = letter->part;
  message.offset = letter->offset;
  message.timestamp_ms = letter->timestamp_ms;
  if (letter->key) message.key = *letter->key;
  if (letter->value) message.value = *letter->value;
  if (letter->old_key) message.headers.push_back({std::string(kOldKeyHeader), letter->old_key});
  message.owner = std::move(letter);
  return message;
}

}  // namespace

void Stream::retry_letters() {
  const auto retry = parts_.retries.current();
  // Topics that may go on again are read first: else their letters could not be tried.
  if (parts_.retries.has_forgiveness()) return;
  if (!retry || has_batch() || !is_idle() || !parts_.assigned.partitions) return;
  for (int i = 0; i < kLettersAtOnce && !retry->is_over() && !stop_.stop_requested(); ++i) {
    const auto stored = catalog::next_letter(connection_, retry->range(), retry->place());
    if (!stored) {
      // Topics that stand for what has been applied by now go on.
      if (retry->outcome().applied > 0) parts_.retries.forgive();
      retry->finish();
      return;
    }
    const auto tried = retry_letter(*stored);
    if (!tried) return;
    note_tried(*retry, *stored, *tried);
    if (must_restart_) return;
  }
}

void Stream::note_tried(LetterRetry& retry, const catalog::StoredLetter& stored,
                        const Tried& tried) {
  if (!tried.refusal) {
    retry.applied(stored);
  } else if (!retry.range().is_of_followers || tried.may_be_applied_later) {
    retry.left(stored, *tried.refusal);
  } else {
    catalog::delete_letter(connection_, stored.id);
    spdlog::warn("data source {}: topic {} partition {} offset {} given up: {}",
                 options_.source_name, stored.letter.topic, stored.letter.part,
                 stored.letter.offset, *tried.refusal);
    retry.gave_up(stored);
  }
}

// Null: the partition is not read here. Letters may be what its topic stands for.
const catalog::Position* Stream::fence_of(const TopicPartition& at) {
  const auto partition = partitions_.find(at);
  if (partition != partitions_.end()) fences_[at] = partition->second.fence();
  const auto fence = fences_.find(at);
  return fence == fences_.end() ? nullptr : &fence->second;
}

// nullopt: it is not known what became of it; it is tried again. Throws Error of the weather
// classes.
std::optional<Stream::Tried> Stream::retry_letter(const catalog::StoredLetter& stored) {
  const Message message = message_of(std::make_shared<const catalog::DeadLetter>(stored.letter));
  const catalog::Position* fence = fence_of({stored.letter.topic, stored.letter.part});
  if (fence == nullptr) return Tried{"its partition is not read here at present", true};
  auto batch = std::make_unique<Batch>();
  try {
    // One of its own: what the lane's remembers belongs to events in their order.
    const Decoded decoded = parts_.decoders.fresh().decode(message);
    const auto* change = std::get_if<Change>(&decoded);
    if (change == nullptr) return Tried{"it is no change of a row"};
    if (change->op == Op::truncate) return Tried{"a truncate is not applied late"};
    if (!rules_.passes(*change->table)) return Tried{"the filters of the data source leave it out"};
    Confirmation confirmation = watch_.confirm(*change, message);
    confirmation.begins_anew = false;  // it is late
    batch->add(*change, message, confirmation);
    const catalog::TableName& target = tie(parts_.lanes.at(stored.letter.topic), change->table);
    if (must_restart_) return std::nullopt;
    batch->set_target(change->table, target);
  } catch (const DecodeError& error) {
    return Tried{fmt::format("{} ({})", error.what(), error.sqlstate)};
  } catch (const SchemaMissing& reason) {
    return Tried{catalog::described(reason), true};
  } catch (const Error& error) {
    return Tried{fmt::format("{} ({})", error.what(), error.sqlstate)};
  }
  batch->retried = {stored.id, *fence};
  Writer& writer = writer_of(slot_of(stored.letter.topic));
  writer.submit(std::move(batch));
  return result_of_letter(writer);
}

std::optional<Stream::Tried> Stream::result_of_letter(Writer& writer) {
  const Asking asking(parts_.board, writer.backend_pid(), "a dead letter");
  std::optional<Writer::Done> done;
  while (!done && !stop_.stop_requested()) done = writer.take_result(milliseconds(100));
  if (!done || stop_.stop_requested()) return std::nullopt;
  if (const auto* applied = std::get_if<Applied>(&done->result)) {
    if (!applied->refusal) return Tried{};
    return Tried{fmt::format("{} ({})", applied->refusal->message(), applied->refusal->sqlstate),
                 applied->is_waiting};
  }
  try {
    std::rethrow_exception(std::get<std::exception_ptr>(done->result));
  } catch (const LaneStopped& stopped) {
    // The letter's trouble and not its topic's. What the connection keeps is unknown by now.
    must_restart_ = true;
    return Tried{catalog::described(stopped), true};
  }
}

// What came before it is committed first: a topic that stands for long keeps nothing back. Throws
// LaneStopped; Interrupted if that could not be committed now.
void Stream::stop_at_letter_limit(const Message& message, const std::string& reason) {
  const std::string topic(message.topic);
  const Lane& lane = parts_.lanes.at(topic);
  const auto over_limit = [&] {
    return lane.letters.reached(options_.dead_letter_limit, pending_letters_[topic], Clock::now());
  };
  if (!over_limit()) return;
  commit_what_came_before();
  if (must_restart_) throw Interrupted();
  const auto limit = over_limit();
  if (!limit) return;
  throw stopped_at_limit({options_.source_name, topic},
                         fmt::format("{}, and so would be the next: {}", *limit, reason),
                         lane.letters.free_at(options_.dead_letter_limit));
}

// PostgreSQL's refusals are known only by now: of these there may be more than the limit allows.
void Stream::count_letters(const Batch& batch, const Applied& applied) {
  std::map<std::string, size_t> undecodable;
  for (const catalog::DeadLetter& letter : batch.dead_letters()) ++undecodable[letter.topic];
  const Clock::time_point now = Clock::now();
  for (const auto& [topic, count] : applied.letters) {
    pending_letters_[topic] -= undecodable[topic];
    LetterLimit& letters = parts_.lanes.at(topic).letters;
    letters.count(count, now);
    if (count == undecodable[topic]) continue;
    const auto limit = letters.reached(options_.dead_letter_limit, 0, now);
    if (!limit) continue;
    stop_lane(stopped_at_limit({options_.source_name, topic}, *limit,
                               letters.free_at(options_.dead_letter_limit)));
  }
}

}  // namespace metadb::ingest
