#include "server/wire/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "tests/server/raw_client.h"

namespace metadb::tests {
namespace {

using server::wire::BufferPool;
using server::wire::FrameBuffer;
using server::wire::FrameHeader;

void add(FrameBuffer& frames, std::string_view bytes) {
  const auto space = frames.space();
  ASSERT_LE(bytes.size(), space.size());
  std::ranges::copy(bytes, space.begin());
  frames.added(bytes.size());
}

// Everything that the pool's buffer holds. REQUIRES: one was given back.
std::string contents_of(BufferPool& pool) {
  auto buffer = pool.take();
  std::string all(buffer.get(), BufferPool::kBufferBytes);
  pool.give(std::move(buffer));
  return all;
}

// However it comes in parts, and whether it passes, is dropped or was never finished.
TEST(FrameBuffer, SecretsDoNotStayInMemory) {
  const std::string secret = "a password";
  const std::string bytes = frame('p', secret);
  for (const bool is_passed : {true, false}) {
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
      BufferPool pool;
      {
        FrameBuffer frames(pool);
        frames.begin_secret();
        add(frames, std::string_view(bytes).substr(0, cut));
        frames.rest();
        EXPECT_EQ(contents_of(pool).find("a p"), std::string::npos) << cut;
        add(frames, std::string_view(bytes).substr(cut));
        const auto header = frames.next();
        ASSERT_TRUE(header);
        if (is_passed) {
          frames.pass(*header);
          frames.run_written();
        } else {
          frames.drop(*header);
        }
        add(frames, "next");
        frames.end_secret();
        EXPECT_EQ(frames.available(), 4U);
      }
      const std::string left = contents_of(pool);
      EXPECT_EQ(left.find("pass"), std::string::npos) << cut;
      EXPECT_EQ(left.find("word"), std::string::npos) << cut;
    }
  }
}

// As a stream is read, with or without a wait before. Returns how many bytes were taken.
size_t read_as_a_channel(FrameBuffer& frames, std::string_view bytes, bool has_waited) {
  if (has_waited) frames.rest();
  const auto space = frames.space();
  const size_t count = std::min(space.size(), bytes.size());
  std::copy_n(bytes.begin(), count, space.begin());
  frames.added(count);
  return count;
}

// What comes out if frames of type 'x' are dropped, 'h' are held until they are whole, and all
// others pass at once; the headers seen are appended to `seen`. With `by_rows` whole rows pass
// unseen.
void drain(FrameBuffer& frames, std::string& out, std::string& seen, bool by_rows) {
  const auto write = [&] {
    out += frames.run();
    frames.run_written();
  };
  for (;;) {
    if (by_rows) frames.pass_rows();
    const auto header = frames.next();
    if (!header || (header->type == 'h' && !frames.holds(*header))) break;
    const bool is_row = header->type == 'd' || header->type == 'D';
    EXPECT_FALSE(by_rows && is_row && frames.holds(*header));
    if (!by_rows || !is_row) seen += header->type;
    if (header->type == 'h') seen += frames.payload(*header);
    if (header->type == 'x') {
      write();
      frames.drop(*header);
    } else {
      frames.pass(*header);
    }
  }
  write();
}

struct Stream {
  std::string bytes;
  std::string expected;
  std::string seen;
  std::string seen_by_rows;
};

Stream random_stream(std::mt19937& random) {
  Stream stream;
  const std::string_view types = "xhdDZ";
  for (int i = 0; i < 40; ++i) {
    const char type = types[random() % types.size()];
    const bool is_large = random() % 8 == 0 && type != 'h';
    const std::string payload(random() % (is_large ? 200'000 : 300), 'p');
    stream.bytes += frame(type, payload);
    std::string shown(1, type);
    if (type == 'h') shown += payload;
    stream.seen += shown;
    if (type != 'd' && type != 'D') stream.seen_by_rows += shown;
    if (type != 'x') stream.expected += frame(type, payload);
  }
  return stream;
}

TEST(FrameBuffer, GivesTheSameFramesHoweverTheStreamIsCut) {
  std::mt19937 random(20240229);
  for (int round = 0; round < 200; ++round) {
    const Stream stream = random_stream(random);
    BufferPool pool;
    FrameBuffer frames(pool);
    std::string out;
    std::string seen;
    std::string_view rest = stream.bytes;
    const size_t cut_max = round % 3 == 0 ? 7 : 70'000;
    const bool by_rows = round % 2 == 0;
    while (!rest.empty()) {
      const size_t count = std::min(rest.size(), 1 + random() % cut_max);
      rest.remove_prefix(read_as_a_channel(frames, rest.substr(0, count), random() % 2 == 0));
      drain(frames, out, seen, by_rows);
    }
    ASSERT_EQ(seen, by_rows ? stream.seen_by_rows : stream.seen);
    ASSERT_EQ(out.size(), stream.expected.size());
    ASSERT_TRUE(out == stream.expected);
    ASSERT_TRUE(frames.at_boundary());
  }
}

TEST(FrameBuffer, HoldsAFrameThatFillsTheBufferExactly) {
  BufferPool pool;
  FrameBuffer frames(pool);
  const std::string whole = frame('Q', std::string(BufferPool::kBufferBytes - 5, 'q'));
  add(frames, whole.substr(0, 100));
  add(frames, whole.substr(100));
  const auto header = frames.next();
  ASSERT_TRUE(header);
  EXPECT_TRUE(frames.holds(*header));
  EXPECT_FALSE(FrameBuffer::exceeds(*header));
}

TEST(FrameBuffer, PassesEverythingBehindAnImpossibleLength) {
  BufferPool pool;
  FrameBuffer frames(pool);
  const std::string bytes = std::string("Q\0\0\0\3", 5) + frame('Q', "select 1");
  add(frames, bytes);
  EXPECT_FALSE(frames.next());
  EXPECT_EQ(frames.run(), bytes);
  frames.run_written();
  add(frames, "more");
  EXPECT_FALSE(frames.next());
  EXPECT_EQ(frames.run(), "more");
}

// A pool that holds one buffer; its address.
const char* fill_pool(BufferPool& pool) {
  BufferPool::Buffer buffer = pool.take();
  const char* lent = buffer.get();
  pool.give(std::move(buffer));
  return lent;
}

TEST(FrameBuffer, GivesItsBufferBackWhenEmpty) {
  BufferPool pool;
  const char* lent = fill_pool(pool);
  FrameBuffer frames(pool);
  const std::string query = frame('Q', "select 1");
  EXPECT_EQ(read_as_a_channel(frames, query, false), query.size());
  std::string out;
  std::string seen;
  drain(frames, out, seen, false);
  EXPECT_EQ(out, query);
  frames.rest();
  EXPECT_EQ(pool.take().get(), lent);
}

TEST(FrameBuffer, KeepsTheBeginningOfAFrameWithoutABuffer) {
  BufferPool pool;
  const char* lent = fill_pool(pool);
  FrameBuffer frames(pool);
  const std::string held = frame('h', std::string(3000, 'q'));
  std::string out;
  std::string seen;
  add(frames, frame('Q', "select 1") + held.substr(0, 100));
  drain(frames, out, seen, false);
  frames.rest();
  EXPECT_EQ(pool.take().get(), lent);
  EXPECT_EQ(frames.available(), 100U);
  add(frames, held.substr(100, 1900));
  drain(frames, out, seen, false);
  frames.rest();
  add(frames, held.substr(2000));
  drain(frames, out, seen, false);
  EXPECT_EQ(out, frame('Q', "select 1") + held);
}

}  // namespace
}  // namespace metadb::tests
