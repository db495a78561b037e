#include "server/wire/frame.h"

#include <gtest/gtest.h>

#include <random>
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

// What comes out if frames of type 'x' are dropped, 'h' are held until they are whole, and all
// others pass at once; the headers seen are appended to `seen`.
void drain(FrameBuffer& frames, std::string& out, std::string& seen) {
  const auto write = [&] {
    out += frames.run();
    frames.run_written();
  };
  while (const auto header = frames.next()) {
    if (header->type == 'h' && !frames.holds(*header)) break;
    seen += header->type;
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
};

Stream random_stream(std::mt19937& random) {
  Stream stream;
  const std::string_view types = "xhdDZ";
  for (int i = 0; i < 40; ++i) {
    const char type = types[random() % types.size()];
    const bool is_large = random() % 8 == 0 && type != 'h';
    const std::string payload(random() % (is_large ? 200'000 : 300), 'p');
    stream.bytes += frame(type, payload);
    stream.seen += type;
    if (type == 'h') stream.seen += payload;
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
    while (!rest.empty()) {
      frames.release_if_empty();
      const size_t space = frames.space().size();
      const size_t count = std::min({rest.size(), 1 + random() % cut_max, space});
      add(frames, rest.substr(0, count));
      rest.remove_prefix(count);
      drain(frames, out, seen);
    }
    ASSERT_EQ(seen, stream.seen);
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

TEST(FrameBuffer, GivesItsBufferBackWhenEmpty) {
  BufferPool pool;
  FrameBuffer frames(pool);
  const char* lent = frames.space().data();
  frames.added(0);
  frames.release_if_empty();
  FrameBuffer other(pool);
  EXPECT_EQ(other.space().data(), lent);
}

}  // namespace
}  // namespace metadb::tests
