#include "ingest/replay_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "catalog/error.h"
#include "tests/fakes/reader.h"

namespace metadb::tests {
namespace {

using ingest::Assigned;
using ingest::EndOfPartition;
using ingest::kOffsetBeginning;
using ingest::Message;
using ingest::Nothing;
using ingest::RecordedMessage;
using ingest::ReplaySource;
using ingest::Revoked;
using ingest::SourceEvent;
using ingest::SourceFailure;
using ingest::TopicPartition;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

const TopicPartition kFirst{"a", 0};
const TopicPartition kSecond{"b", 0};

RecordedMessage record(const std::string& topic, int64_t offset) {
  RecordedMessage message;
  message.topic = topic;
  message.offset = offset;
  message.value = topic + std::to_string(offset);
  return message;
}

std::vector<RecordedMessage> two_topics() {
  return {record("b", 10), record("a", 0), record("b", 12), record("a", 1)};
}

std::string line_of(const SourceEvent& event) {
  if (const auto* message = std::get_if<Message>(&event)) return std::string(*message->value);
  if (const auto* end = std::get_if<EndOfPartition>(&event)) {
    return "end " + end->at.topic + std::to_string(end->offset);
  }
  if (std::holds_alternative<Assigned>(event)) return "assigned";
  if (std::holds_alternative<Revoked>(event)) return "revoked";
  if (const auto* failure = std::get_if<SourceFailure>(&event)) {
    return failure->is_offset_out_of_range ? "out of range " + failure->at.topic : "failure";
  }
  return std::holds_alternative<Nothing>(event) ? "nothing" : "trouble";
}

// Everything that is there now.
std::vector<std::string> drain(ReplaySource& source) {
  std::vector<std::string> lines;
  while (true) {
    lines.push_back(line_of(source.poll(0ms)));
    if (lines.back() == "nothing") {
      lines.pop_back();
      return lines;
    }
  }
}

TEST(ReplaySource, DeliversNothingBeforeAssign) {
  ReplaySource source(two_topics());
  const auto event = source.poll(0ms);
  EXPECT_THAT(std::get<Assigned>(event).partitions, ElementsAre(kFirst, kSecond));
  EXPECT_THAT(drain(source), ElementsAre());
}

TEST(ReplaySource, KeepsTheOrderOfTheRecordingAndReportsEachEnd) {
  ReplaySource source(two_topics());
  source.poll(0ms);
  source.assign({{kFirst, 0}, {kSecond, kOffsetBeginning}});
  EXPECT_THAT(drain(source), ElementsAre("b10", "a0", "b12", "end b13", "a1", "end a2"));
}

TEST(ReplaySource, StartsAtTheGivenOffsetOrTheNextOne) {
  ReplaySource source(two_topics());
  source.poll(0ms);
  source.assign({{kFirst, 2}, {kSecond, 11}});
  EXPECT_THAT(drain(source), ElementsAre("end a2", "b12", "end b13"));
}

TEST(ReplaySource, ReportsAnOffsetThatIsNotThereAndGoesOnWithTheOthers) {
  ReplaySource source(two_topics());
  source.poll(0ms);
  source.assign({{kFirst, 7}, {kSecond, 9}});
  EXPECT_THAT(drain(source), ElementsAre("out of range a", "out of range b"));
  source.assign({{kFirst, 1}});
  EXPECT_THAT(drain(source), ElementsAre("a1", "end a2"));
}

TEST(ReplaySource, HoldsPausedPartitionsBack) {
  ReplaySource source(two_topics());
  source.poll(0ms);
  source.assign({{kFirst, 0}, {kSecond, 10}});
  source.pause({kSecond});
  EXPECT_THAT(drain(source), ElementsAre("a0", "a1", "end a2"));
  source.resume({kSecond});
  EXPECT_THAT(drain(source), ElementsAre("b10", "b12", "end b13"));
}

TEST(ReplaySource, SeeksBackAndReportsTheEndAgain) {
  ReplaySource source(two_topics());
  source.poll(0ms);
  source.assign({{kFirst, 0}});
  EXPECT_THAT(drain(source), ElementsAre("a0", "a1", "end a2"));
  source.seek({kFirst, 1});
  EXPECT_THAT(drain(source), ElementsAre("a1", "end a2"));
  EXPECT_THROW(source.seek({kSecond, 10}), catalog::Error);
}

TEST(ReplaySource, DeliversWhatIsAppendedAndReportsTheNewEnd) {
  ReplaySource source(two_topics());
  source.poll(0ms);
  source.assign({{kFirst, 0}});
  drain(source);
  source.append(record("a", 5));
  EXPECT_THAT(drain(source), ElementsAre("a5", "end a6"));
  EXPECT_THROW(source.append(record("a", 5)), catalog::Error);
}

TEST(ReplaySource, AssignsAnewWhenAPartitionAppears) {
  ReplaySource source(two_topics());
  source.poll(0ms);
  source.assign({{kFirst, 0}});
  source.append(record("c", 0));
  EXPECT_THAT(drain(source), ElementsAre("revoked", "assigned"));
  source.assign({{{"c", 0}, 0}});
  EXPECT_THAT(drain(source), ElementsAre("c0", "end c1"));
}

TEST(ReplaySource, KnowsWatermarksClusterAndWhatWasPublished) {
  ReplaySource source(two_topics());
  EXPECT_EQ(marks_of(source, kSecond, 0ms).low, 10);
  EXPECT_EQ(marks_of(source, kSecond, 0ms).high, 13);
  EXPECT_THROW(marks_of(source, {"c", 0}, 0ms), catalog::Error);
  EXPECT_EQ(source.cluster_id(0ms), "replay");
  source.publish({{kFirst, 1}});
  EXPECT_EQ(source.published().at(kFirst), 1);
}

TEST(ReplaySource, KeepsTheBytesOfAMessageThatOutlivesIt) {
  Message kept;
  {
    ReplaySource source(two_topics());
    source.poll(0ms);
    source.assign({{kFirst, 0}});
    kept = std::get<Message>(source.poll(0ms));
  }
  EXPECT_EQ(kept.topic, "a");
  EXPECT_EQ(kept.value, "a0");
}

// A path in a directory of its own, which goes with it.
class TemporaryFile {
 public:
  TemporaryFile() {
    std::string name = testing::TempDir() + "metadb-recording-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = name;
  }
  ~TemporaryFile() { std::filesystem::remove_all(directory_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] std::string path() const { return directory_ / "file"; }

 private:
  std::filesystem::path directory_;
};

TEST(ReplaySource, ReadsARecordedFile) {
  const TemporaryFile recording;
  std::ofstream(recording.path())
      << R"({"topic":"a","partition":0,"offset":3,"timestamp":17,"key":"{\"k\":1}",)"
      << R"("value":"\u00e9\n\ud83d\ude00","headers":[["h","v"],["n",null]]})"
      << "\n\n"
      << R"({"topic":"a","partition":0,"offset":4,"key":null,"value":null})"
      << "\n";
  const auto source = ReplaySource::from_file(recording.path());
  source->poll(0ms);
  source->assign({{kFirst, kOffsetBeginning}});
  const auto first = std::get<Message>(source->poll(0ms));
  EXPECT_EQ(first.offset, 3);
  EXPECT_EQ(first.timestamp_ms, 17);
  EXPECT_EQ(first.key, "{\"k\":1}");
  EXPECT_EQ(first.value, "\xC3\xA9\n\xF0\x9F\x98\x80");
  ASSERT_EQ(first.headers.size(), 2U);
  EXPECT_EQ(first.headers[0].name, "h");
  EXPECT_EQ(first.headers[0].value, "v");
  EXPECT_EQ(first.headers[1].value, std::nullopt);
  const auto second = std::get<Message>(source->poll(0ms));
  EXPECT_EQ(second.timestamp_ms, -1);
  EXPECT_EQ(second.key, std::nullopt);
  EXPECT_EQ(second.value, std::nullopt);
}

TEST(ReplaySource, NamesFileAndLineThatIsNoRecord) {
  const auto refusal = [](std::string_view text) {
    try {
      ingest::parse_recording(text, "file");
    } catch (const catalog::Error& error) {
      return error.sqlstate + " " + error.message();
    }
    return std::string("accepted");
  };
  EXPECT_THAT(refusal("\n{\"topic\":"), HasSubstr("22P02 file, line 2: "));
  EXPECT_THAT(refusal(R"({"topic":"a","partition":0})"), HasSubstr("\"offset\" is missing"));
  EXPECT_THAT(refusal(R"({"topic":"a","partition":-1,"offset":0})"), HasSubstr("out of range"));
  EXPECT_THAT(refusal(R"({"topic":1,"partition":0,"offset":0})"), HasSubstr("22P02"));
  EXPECT_THAT(refusal("[]"), HasSubstr("22P02"));
  EXPECT_EQ(refusal(""), "accepted");
  EXPECT_THROW(ReplaySource::from_file("/no/such/file"), catalog::Error);
  EXPECT_THROW(ReplaySource::from_file("/"), catalog::Error);
}

}  // namespace
}  // namespace metadb::tests
