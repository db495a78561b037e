#include "ingest/kafka_probe.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <memory>
#include <tuple>
#include <utility>

#include "catalog/error.h"
#include "ingest/kafka_handles.h"
#include "ingest/topics.h"

namespace metadb::ingest {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kProbeStep{100};

// A client that only asks for metadata, and the heaviest of the errors that it met.
class Probe {
 public:
  explicit Probe(const KafkaOptions& options);
  std::optional<std::string> run(Clock::time_point deadline, const std::stop_token& stop);

 private:
  void note(rd_kafka_resp_err_t error, const char* text);
  std::optional<std::string> check(const rd_kafka_metadata_t& metadata) const;

  const KafkaOptions& options_;
  Verdict worst_;
  std::string reason_;
  std::optional<Clock::time_point> all_down_since_;
  std::unique_ptr<rd_kafka_t, Destroy<rd_kafka_destroy>> handle_;
};

Probe::Probe(const KafkaOptions& options) : options_(options) {
  Properties properties = consumer_properties(options);
  // The group is not joined; an id that a running source holds must not be used twice.
  std::erase_if(properties, [](const auto& each) { return each.first == "group.instance.id"; });
  ConfHandle conf = conf_of(properties);
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_log_cb(
      conf.get(), [](const rd_kafka_t* rk, int, const char* facility, const char* text) {
        const KafkaOptions& of = static_cast<const Probe*>(rd_kafka_opaque(rk))->options_;
        log_line(of, 7, facility, text);  // what matters comes back as the reason
      });
  rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int error, const char* text, void* me) {
    static_cast<Probe*>(me)->note(static_cast<rd_kafka_resp_err_t>(error), text);
  });
  std::array<char, 512> reason{};
  handle_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), reason.data(), reason.size()));
  if (handle_ == nullptr) {
    reason_ = reason.data();
    return;
  }
  std::ignore = conf.release();
}

void Probe::note(rd_kafka_resp_err_t error, const char* text) {
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !all_down_since_) {
    all_down_since_ = Clock::now();
  }
  const Verdict verdict = judge(error, text);
  if (verdict.weight <= worst_.weight) return;
  worst_ = verdict;
  reason_ = text;
}

std::optional<std::string> Probe::check(const rd_kafka_metadata_t& metadata) const {
  const TopicList topics(options_.topics);
  for (int at = 0; at < metadata.topic_cnt; ++at) {
    if (topics.matches(metadata.topics[at].topic)) return std::nullopt;
  }
  return fmt::format("no topic of the cluster matches option \"topics\" ({} visible)",
                     metadata.topic_cnt);
}

// Waits on after a refused connection, since a name may have several addresses, but not after
// an answer that no second attempt would change.
std::optional<std::string> Probe::run(Clock::time_point deadline, const std::stop_token& stop) {
  while (handle_ != nullptr && Clock::now() < deadline && !stop.stop_requested()) {
    const rd_kafka_metadata_t* metadata = nullptr;
    const auto step = std::min(kProbeStep, until(deadline));
    const auto error = rd_kafka_metadata(handle_.get(), 1, nullptr, &metadata, count_of(step));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const MetadataHandle held(metadata);
      return check(*held);
    }
    rd_kafka_poll(handle_.get(), 0);
    const auto patience =
        worst_.urgency == Urgency::at_once ? milliseconds(0) : Troubles::kPatience;
    if (all_down_since_ && Clock::now() - *all_down_since_ >= patience) break;
  }
  if (reason_.empty()) reason_ = fmt::format("no answer from brokers \"{}\"", options_.brokers);
  return without_secrets(with_advice(reason_, options_), options_);
}

}  // namespace

void check_kafka_properties(const Properties& properties) {
  for (const auto& [name, value] : properties) {
    if (is_reserved_property(name)) {
      throw catalog::Error("22023", fmt::format("Kafka property \"{}\" can't be set", name))
          .with_detail("metadb sets it itself.");
    }
  }
  conf_of(properties);
}

std::optional<std::string> probe(const KafkaOptions& options, milliseconds timeout,
                                 const std::stop_token& stop) {
  const auto deadline = Clock::now() + timeout;
  return Probe(options).run(deadline, stop);
}

}  // namespace metadb::ingest
