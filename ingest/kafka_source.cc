#include "ingest/kafka_source.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <deque>
#include <future>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

#include "catalog/error.h"
#include "ingest/kafka_handles.h"
#include "ingest/topics.h"
#include "ingest/troubles.h"

namespace metadb::ingest {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kCloseTimeout{3000};
constexpr milliseconds kSeekTimeout{2000};
constexpr milliseconds kSeekRetry{5};
constexpr milliseconds kMetadataTimeout{2000};
constexpr milliseconds kProbeTimeout{20};
constexpr milliseconds kEndTimeout{5000};
// One broker that is silent must not take all the time that there is for the others.
constexpr milliseconds kLeaderTimeout{2000};

ListHandle new_list(size_t size) {
  return ListHandle(rd_kafka_topic_partition_list_new(static_cast<int>(size)));
}

ListHandle list_of(const std::vector<PartitionOffset>& offsets) {
  ListHandle list = new_list(offsets.size());
  for (const PartitionOffset& each : offsets) {
    rd_kafka_topic_partition_list_add(list.get(), each.at.topic.c_str(), each.at.partition)
        ->offset = each.offset;
  }
  return list;
}

ListHandle list_of(const std::vector<TopicPartition>& partitions) {
  ListHandle list = new_list(partitions.size());
  for (const TopicPartition& each : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), each.topic.c_str(), each.partition);
  }
  return list;
}

TopicPartition place_of(const rd_kafka_message_t& message) {
  if (message.rkt == nullptr) return {};
  return {rd_kafka_topic_name(message.rkt), message.partition};
}

catalog::Error no_offsets(const TopicPartition& of, const std::string& reason) {
  return {"08001", fmt::format("can't ask for the offsets of topic \"{}\" partition {}: {}",
                               of.topic, of.partition, reason)};
}

// Not that one of the partitions is in the way, but that nobody answers.
bool is_silence(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR__TRANSPORT ||
         error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
}

std::optional<std::string_view> bytes(const void* data, size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(data), size);
}

std::vector<Header> headers_of(const rd_kafka_message_t& message) {
  std::vector<Header> headers;
  rd_kafka_headers_t* raw = nullptr;
  if (rd_kafka_message_headers(&message, &raw) != RD_KAFKA_RESP_ERR_NO_ERROR) return headers;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t at = 0;
       rd_kafka_header_get_all(raw, at, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++at) {
    headers.push_back({name, std::nullopt});
    if (value != nullptr) headers.back().value.emplace(static_cast<const char*>(value), size);
  }
  return headers;
}

}  // namespace

struct KafkaSource::Client {
  explicit Client(KafkaOptions given) : options(std::move(given)) {}
  ~Client() {
    if (handle != nullptr) rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void start();
  void subscribe();
  void close();
  void rebalance(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t* partitions);
  bool is_inherited_assignment_old();
  std::optional<std::vector<TopicPartition>> matching_partitions(milliseconds timeout);
  void join_anew();
  void broker_error(rd_kafka_resp_err_t error, const char* text);
  void answered();
  void probe(milliseconds timeout);
  void note(rd_kafka_resp_err_t error, std::string text);
  std::optional<SourceEvent> next();
  struct Offsets {
    rd_kafka_resp_err_t failure = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::vector<int64_t> offsets;  // none after a failure
  };
  Offsets offsets_at(const std::vector<TopicPartition>& of, int64_t time,
                     Clock::time_point deadline);
  using Answers = std::map<TopicPartition, WatermarksAnswer>;
  std::map<int32_t, std::vector<TopicPartition>> by_leader(const std::vector<TopicPartition>& of,
                                                           milliseconds timeout, Answers& answers);
  void ask_watermarks(const std::vector<TopicPartition>& of, Clock::time_point deadline,
                      Answers& answers);
  std::optional<SourceEvent> event_of(const rd_kafka_message_t& message);

  const KafkaOptions options;
  rd_kafka_t* handle = nullptr;
  std::deque<SourceEvent> events;  // from callbacks, which run inside consumer_poll()
  Troubles troubles;
  Absence absence;  // of all brokers
  std::vector<TopicPartition> assigned;
  bool owes_assign = false;   // the group waits for our answer to a rebalance
  bool has_inherited = true;  // the next assignment may be that of an earlier process
};

namespace {

// What keeps the bytes of a delivered message. The message goes first, then its client.
struct Held {
  std::shared_ptr<const void> client;
  MessageHandle message;
};

}  // namespace

void KafkaSource::Client::start() {
  ConfHandle conf = conf_of(consumer_properties(options));
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_log_cb(
      conf.get(), [](const rd_kafka_t* rk, int level, const char* facility, const char* text) {
        log_line(static_cast<Client*>(rd_kafka_opaque(rk))->options, level, facility, text);
      });
  rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t* rk, int error, const char* text, void* me) {
    static_cast<Client*>(me)->broker_error(static_cast<rd_kafka_resp_err_t>(error), text);
    rd_kafka_yield(rk);  // so that no message overtakes what the callback left in `events`
  });
  rd_kafka_conf_set_rebalance_cb(conf.get(),
                                 [](rd_kafka_t* rk, rd_kafka_resp_err_t error,
                                    rd_kafka_topic_partition_list_t* partitions, void* me) {
                                   static_cast<Client*>(me)->rebalance(error, partitions);
                                   rd_kafka_yield(rk);
                                 });
  rd_kafka_conf_set_offset_commit_cb(conf.get(), [](rd_kafka_t*, rd_kafka_resp_err_t error,
                                                    rd_kafka_topic_partition_list_t*, void* me) {
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    spdlog::debug("source \"{}\": offsets not published: {}",
                  static_cast<Client*>(me)->options.source_name, rd_kafka_err2str(error));
  });
  std::array<char, 512> reason{};
  handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), reason.data(), reason.size());
  if (handle == nullptr) {
    throw catalog::Error("08001", fmt::format("can't set up a Kafka client: {}",
                                              without_secrets(reason.data(), options)));
  }
  std::ignore = conf.release();  // the handle owns it now
}

void KafkaSource::Client::subscribe() {
  const TopicList checked(options.topics);
  std::vector<TopicPartition> topics;
  for (const std::string& element : checked.elements()) {
    topics.push_back({element, RD_KAFKA_PARTITION_UA});
  }
  const auto error = rd_kafka_subscribe(handle, list_of(topics).get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw catalog::Error("08001", fmt::format("can't subscribe: {}", rd_kafka_err2str(error)));
  }
}

// rd_kafka_consumer_close() may wait for an unreachable coordinator; this does not.
void KafkaSource::Client::close() {
  if (owes_assign) rd_kafka_assign(handle, nullptr);
  const QueueHandle queue(rd_kafka_queue_new(handle));
  const ErrorHandle refused(rd_kafka_consumer_close_queue(handle, queue.get()));
  if (refused != nullptr) {
    spdlog::debug("source \"{}\": {}", options.source_name, rd_kafka_error_string(refused.get()));
    return;
  }
  const auto deadline = Clock::now() + kCloseTimeout;
  while (rd_kafka_consumer_closed(handle) == 0 && Clock::now() < deadline) {
    // Messages that were read ahead come along as events; the callback API aborts on them.
    const EventHandle event(rd_kafka_queue_poll(queue.get(), 20));
    if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE) {
      rd_kafka_assign(handle, nullptr);
    }
  }
}

void KafkaSource::Client::rebalance(rd_kafka_resp_err_t error,
                                    const rd_kafka_topic_partition_list_t* partitions) {
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assigned.clear();
    for (int at = 0; at < partitions->cnt; ++at) {
      assigned.push_back({partitions->elems[at].topic, partitions->elems[at].partition});
    }
    std::sort(assigned.begin(), assigned.end());
    owes_assign = true;
    answered();
    try {
      if (!is_inherited_assignment_old()) {
        events.emplace_back(Assigned{assigned});
      } else {
        join_anew();
      }
    } catch (const catalog::Error& failure) {
      // Called by librdkafka, which knows of no exceptions.
      events.emplace_back(SourceFailure{catalog::described(failure), false, {}});
    }
    return;
  }
  rd_kafka_assign(handle, nullptr);
  owes_assign = false;
  assigned.clear();
  events.emplace_back(Revoked{});
}

// A static member that comes back is given the assignment it had, without a rebalance, although
// its topics may be others by now; and since it knows of them from the beginning, librdkafka never
// sees them change. True if the partitions that match are not the ones assigned, or can't be
// asked for. Asked once: a difference that a rebalance leaves has other reasons (several members).
bool KafkaSource::Client::is_inherited_assignment_old() {
  if (!has_inherited) return false;
  const auto matching = matching_partitions(kMetadataTimeout);
  if (!matching) return true;
  has_inherited = false;
  return *matching != assigned;
}

// Sorted; nullopt if no broker answers in time.
std::optional<std::vector<TopicPartition>> KafkaSource::Client::matching_partitions(
    milliseconds timeout) {
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(handle, 1, nullptr, &metadata, count_of(timeout)) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::nullopt;
  }
  const MetadataHandle held(metadata);
  const TopicList wanted(options.topics);
  std::vector<TopicPartition> matching;
  for (int at = 0; at < metadata->topic_cnt; ++at) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[at];
    if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR || !wanted.matches(topic.topic)) continue;
    for (int32_t part = 0; part < topic.partition_cnt; ++part)
      matching.push_back({topic.topic, part});
  }
  std::sort(matching.begin(), matching.end());
  return matching;
}

// Unsubscribing makes even a static member leave; what follows is a rebalance.
void KafkaSource::Client::join_anew() {
  spdlog::info(
      "source \"{}\": its topics have changed while it was away; joining group \"{}\" anew",
      options.source_name, options.group_id);
  rd_kafka_assign(handle, new_list(0).get());
  owes_assign = false;
  assigned.clear();
  rd_kafka_unsubscribe(handle);
  subscribe();
}

void KafkaSource::Client::broker_error(rd_kafka_resp_err_t error, const char* text) {
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, 512> reason{};
    rd_kafka_fatal_error(handle, reason.data(), reason.size());
    events.emplace_back(SourceFailure{without_secrets(reason.data(), options), false, {}});
    return;
  }
  // Each broker has said what is wrong with it; that all of them are down would hide it.
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    absence.begin(Clock::now());
    return;
  }
  note(error, text);
}

void KafkaSource::Client::answered() {
  troubles.recovered();
  if (absence.end()) events.emplace_back(SourceBack{});
}

// A broker that comes back says nothing where nothing new is to be read. With one that has
// answered the handshake a question is waiting behind the fetch, and times out; without one it
// fails.
void KafkaSource::Client::probe(milliseconds timeout) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto error = rd_kafka_metadata(handle, 0, nullptr, &metadata, count_of(timeout));
  const MetadataHandle held(metadata);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__TIMED_OUT) answered();
}

void KafkaSource::Client::note(rd_kafka_resp_err_t error, std::string text) {
  const Verdict verdict = judge(error, text);
  troubles.note(without_secrets(with_advice(std::move(text), options), options), verdict.urgency,
                Clock::now());
}

std::optional<SourceEvent> KafkaSource::Client::next() {
  if (!events.empty()) {
    SourceEvent event = std::move(events.front());
    events.pop_front();
    return event;
  }
  if (auto text = troubles.due(Clock::now())) return SourceTrouble{std::move(*text)};
  if (absence.is_news(Clock::now())) return SourceAway{};
  return std::nullopt;
}

// A message that is not a record: the end of a partition, or an error.
std::optional<SourceEvent> KafkaSource::Client::event_of(const rd_kafka_message_t& message) {
  TopicPartition at = place_of(message);
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      answered();
      return EndOfPartition{std::move(at), message.offset};
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      return SourceFailure{fmt::format("topic \"{}\" partition {}: {}", at.topic, at.partition,
                                       rd_kafka_message_errstr(&message)),
                           true, at};
    case RD_KAFKA_RESP_ERR__FATAL:
      broker_error(message.err, rd_kafka_message_errstr(&message));
      return std::nullopt;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
      note(message.err, rd_kafka_message_errstr(&message));
      return std::nullopt;
    default:
      troubles.note(without_secrets(rd_kafka_message_errstr(&message), options), Urgency::at_once,
                    Clock::now());
      return std::nullopt;
  }
}

KafkaSource::KafkaSource(KafkaOptions options)
    : client_(std::make_shared<Client>(std::move(options))) {
  client_->start();
  rd_kafka_poll_set_consumer(client_->handle);
  client_->subscribe();
}

// librdkafka (2.0.2) may wait for ever for the thread of a broker that has just lost a topic of
// ours: such a client is left to itself, since nobody who stops a source may wait for it.
KafkaSource::~KafkaSource() {
  client_->close();
  const std::string name = client_->options.source_name;
  std::promise<void> promise;
  const std::future<void> end = promise.get_future();
  try {
    std::thread([client = std::move(client_), promise = std::move(promise)]() mutable {
      client.reset();
      promise.set_value();
    }).detach();
  } catch (const std::system_error& error) {
    spdlog::warn("source \"{}\": no thread to end its Kafka client: {}", name, error.what());
    return;
  }
  if (end.wait_for(kEndTimeout) != std::future_status::ready)
    spdlog::warn("source \"{}\": its Kafka client does not end, and is left to itself", name);
}

SourceEvent KafkaSource::poll(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (true) {
    if (auto event = client_->next()) return std::move(*event);
    if (client_->absence.must_probe(Clock::now())) {
      client_->probe(std::min(kProbeTimeout, until(deadline)));
      continue;
    }
    auto wake = deadline;
    for (const auto& next : {client_->troubles.next(), client_->absence.next()}) {
      if (next) wake = std::min(wake, *next);
    }
    const auto wait = until(wake);
    MessageHandle raw(rd_kafka_consumer_poll(client_->handle, count_of(wait)));
    if (raw == nullptr) {
      if (client_->events.empty() && Clock::now() >= deadline) return Nothing{};
      continue;
    }
    if (raw->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (auto event = client_->event_of(*raw)) return std::move(*event);
      continue;
    }
    client_->answered();
    Message message;
    message.topic = rd_kafka_topic_name(raw->rkt);
    message.partition = raw->partition;
    message.offset = raw->offset;
    rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    message.timestamp_ms = rd_kafka_message_timestamp(raw.get(), &kind);
    message.key = bytes(raw->key, raw->key_len);
    message.value = bytes(raw->payload, raw->len);
    message.headers = headers_of(*raw);
    message.owner = std::make_shared<Held>(Held{client_, std::move(raw)});
    return message;
  }
}

void KafkaSource::assign(const std::vector<PartitionOffset>& start) {
  std::vector<PartitionOffset> ours;
  std::copy_if(start.begin(), start.end(), std::back_inserter(ours), [&](const auto& each) {
    return std::binary_search(client_->assigned.begin(), client_->assigned.end(), each.at);
  });
  // Revoked while the offsets were looked up: the event about it is on its way.
  if (client_->assigned.empty() && !client_->owes_assign) return;
  // Partitions that stay keep their position through rd_kafka_assign(); they must start over.
  if (!client_->owes_assign) rd_kafka_assign(client_->handle, nullptr);
  const auto error = rd_kafka_assign(client_->handle, list_of(ours).get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw catalog::Error("08001",
                         fmt::format("can't read from Kafka: {}", rd_kafka_err2str(error)));
  }
  client_->owes_assign = false;
}

// Partitions that are not ours any more are no error: the event about it is on its way.
void KafkaSource::pause(const std::vector<TopicPartition>& partitions) {
  rd_kafka_pause_partitions(client_->handle, list_of(partitions).get());
}

void KafkaSource::resume(const std::vector<TopicPartition>& partitions) {
  rd_kafka_resume_partitions(client_->handle, list_of(partitions).get());
}

// A partition that was assigned a moment ago can't seek until its fetcher runs.
void KafkaSource::seek(const PartitionOffset& start) {
  const auto deadline = Clock::now() + kSeekTimeout;
  const ListHandle list = list_of(std::vector<PartitionOffset>{start});
  while (true) {
    const ErrorHandle failed(
        rd_kafka_seek_partitions(client_->handle, list.get(), count_of(until(deadline))));
    const auto error = failed != nullptr ? rd_kafka_error_code(failed.get()) : list->elems[0].err;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (error != RD_KAFKA_RESP_ERR__STATE || Clock::now() >= deadline) {
      throw catalog::Error("08001", fmt::format("can't go to offset {} of topic \"{}\" partition"
                                                " {}: {}",
                                                start.offset, start.at.topic, start.at.partition,
                                                rd_kafka_err2str(error)));
    }
    list->elems[0].err = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::this_thread::sleep_for(kSeekRetry);  // nothing tells when the fetcher has started
  }
}

// rd_kafka_query_watermark_offsets() goes on waiting after its time-out while the broker is away.
// This call does not, and the protocol reads the two marks as times. It asks nobody while one of
// the partitions has no leader.
KafkaSource::Client::Offsets KafkaSource::Client::offsets_at(const std::vector<TopicPartition>& of,
                                                             int64_t time,
                                                             Clock::time_point deadline) {
  const ListHandle list = list_of(of);
  for (int at = 0; at < list->cnt; ++at) list->elems[at].offset = time;
  Offsets result;
  result.failure = rd_kafka_offsets_for_times(handle, list.get(), count_of(until(deadline)));
  for (int at = 0; at < list->cnt; ++at) {
    const rd_kafka_topic_partition_t& each = list->elems[at];
    if (result.failure == RD_KAFKA_RESP_ERR_NO_ERROR) result.failure = each.err;
    result.offsets.push_back(each.offset);
  }
  if (result.failure != RD_KAFKA_RESP_ERR_NO_ERROR) result.offsets.clear();
  return result;
}

// Those that nobody leads have their answer.
std::map<int32_t, std::vector<TopicPartition>> KafkaSource::Client::by_leader(
    const std::vector<TopicPartition>& of, milliseconds timeout, Answers& answers) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto failure = rd_kafka_metadata(handle, 1, nullptr, &metadata, count_of(timeout));
  const MetadataHandle held(metadata);
  std::map<TopicPartition, int32_t> leaders;
  for (int at = 0; metadata != nullptr && at < metadata->topic_cnt; ++at) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[at];
    for (int part = 0; part < topic.partition_cnt; ++part) {
      const rd_kafka_metadata_partition_t& each = topic.partitions[part];
      if (each.leader >= 0) leaders[{topic.topic, each.id}] = each.leader;
    }
  }
  std::map<int32_t, std::vector<TopicPartition>> out;
  for (const TopicPartition& at : of) {
    const auto leader = leaders.find(at);
    if (leader != leaders.end()) {
      out[leader->second].push_back(at);
    } else {
      const bool is_silent = failure != RD_KAFKA_RESP_ERR_NO_ERROR;
      answers.emplace(at,
                      no_offsets(at, is_silent ? rd_kafka_err2str(failure) : "no broker leads it"));
    }
  }
  return out;
}

// One of these may not be told, and hides what is said of the others: then each is asked for by
// itself.
void KafkaSource::Client::ask_watermarks(const std::vector<TopicPartition>& of,
                                         Clock::time_point deadline, Answers& answers) {
  const Offsets low = offsets_at(of, RD_KAFKA_OFFSET_BEGINNING, deadline);
  Offsets high;
  if (low.failure == RD_KAFKA_RESP_ERR_NO_ERROR)
    high = offsets_at(of, RD_KAFKA_OFFSET_END, deadline);
  const auto failure = low.failure == RD_KAFKA_RESP_ERR_NO_ERROR ? high.failure : low.failure;
  if (failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
    for (size_t i = 0; i < of.size(); ++i)
      answers.emplace(of[i], Watermarks{low.offsets[i], high.offsets[i]});
  } else if (of.size() == 1 || is_silence(failure)) {
    for (const TopicPartition& at : of)
      answers.emplace(at, no_offsets(at, rd_kafka_err2str(failure)));
  } else {
    for (const TopicPartition& at : of) ask_watermarks({at}, deadline, answers);
  }
}

std::vector<WatermarksAnswer> KafkaSource::watermarks(const std::vector<TopicPartition>& of,
                                                      milliseconds timeout) {
  if (of.empty()) return {};
  const auto deadline = Clock::now() + timeout;
  Client::Answers answers;
  const auto by_leader = client_->by_leader(of, timeout, answers);
  for (const auto& [leader, partitions] : by_leader) {
    const auto share = std::max(kLeaderTimeout, timeout / std::ssize(by_leader));
    client_->ask_watermarks(partitions, std::min(deadline, Clock::now() + share), answers);
  }
  std::vector<WatermarksAnswer> out;
  for (const TopicPartition& at : of) out.push_back(answers.at(at));
  return out;
}

std::vector<int64_t> KafkaSource::ends(const std::vector<TopicPartition>& of,
                                       milliseconds timeout) {
  Client::Offsets ends = client_->offsets_at(of, RD_KAFKA_OFFSET_END, Clock::now() + timeout);
  if (ends.failure != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw no_offsets(of.front(), rd_kafka_err2str(ends.failure));
  return std::move(ends.offsets);
}

// From the answers to fetches; a query would queue behind the fetch that waits for messages.
std::optional<int64_t> KafkaSource::known_end(const TopicPartition& at) {
  int64_t low = RD_KAFKA_OFFSET_INVALID;
  int64_t high = RD_KAFKA_OFFSET_INVALID;
  const rd_kafka_resp_err_t failure =
      rd_kafka_get_watermark_offsets(client_->handle, at.topic.c_str(), at.partition, &low, &high);
  if (failure != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) return std::nullopt;
  return high;
}

std::optional<size_t> KafkaSource::matching(milliseconds timeout) {
  const auto partitions = client_->matching_partitions(timeout);
  if (!partitions) return std::nullopt;
  return partitions->size();
}

std::string KafkaSource::cluster_id(milliseconds timeout) {
  char* id = rd_kafka_clusterid(client_->handle, count_of(timeout));
  if (id == nullptr) return {};
  std::string result = id;
  rd_kafka_mem_free(client_->handle, id);
  return result;
}

void KafkaSource::publish(const std::vector<PartitionOffset>& next) {
  if (next.empty()) return;
  const auto error = rd_kafka_commit(client_->handle, list_of(next).get(), 1);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  spdlog::debug("source \"{}\": offsets not published: {}", client_->options.source_name,
                rd_kafka_err2str(error));
}

}  // namespace metadb::ingest
