#include "ingest/strands.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

namespace metadb::tests {
namespace {

using ingest::Strands;

constexpr size_t kWriters = 16;

TEST(Strands, TopicsOfOneTableHaveOneWriterFromTheStart) {
  for (int i = 0; i < 40; ++i) {
    Strands strands;
    const std::string table = fmt::format("t{}", i);
    strands.tie("a", {"public", table});
    const size_t writer = strands.writer_of("a", kWriters);
    strands.tie("b", {"public", table});
    EXPECT_EQ(strands.writer_of("b", kWriters), writer);
    EXPECT_EQ(strands.writer_of("a", kWriters), writer);
    Strands other_order;
    other_order.tie("b", {"public", table});
    EXPECT_EQ(other_order.writer_of("b", kWriters), writer);
  }
}

TEST(Strands, TopicKeepsItsWriterWhenAnotherTableComes) {
  Strands strands;
  strands.tie("a", {"public", "t0"});
  const size_t writer = strands.writer_of("a", kWriters);
  for (int i = 1; i < 40; ++i) strands.tie("a", {"public", fmt::format("t{}", i)});
  EXPECT_EQ(strands.writer_of("a", kWriters), writer);
  strands.tie("b", {"public", "t39"});
  EXPECT_EQ(strands.writer_of("b", kWriters), writer);
}

TEST(Strands, WhatATableJoinsHasOneWriter) {
  Strands strands;
  for (int i = 0; i < 10; ++i)
    strands.tie(fmt::format("p{}", i), {"public", fmt::format("t{}", i)});
  for (int i = 1; i < 10; ++i) strands.tie("p0", {"public", fmt::format("t{}", i)});
  std::set<size_t> writers;
  for (int i = 0; i < 10; ++i) writers.insert(strands.writer_of(fmt::format("p{}", i), kWriters));
  EXPECT_EQ(writers.size(), 1);
  strands.tie("late", {"public", "t7"});
  EXPECT_EQ(strands.writer_of("late", kWriters), *writers.begin());
}

TEST(Strands, AreSpreadOverTheWriters) {
  for (const size_t count : {1UL, 2UL, 3UL}) {
    Strands strands;
    std::set<size_t> writers;
    for (int i = 0; i < 60; ++i) {
      const std::string topic = fmt::format("p{}", i);
      if (i % 2 == 0) strands.tie(topic, {"public", fmt::format("t{}", i)});
      writers.insert(strands.writer_of(topic, count));
    }
    EXPECT_EQ(writers.size(), count);
    EXPECT_LT(*writers.rbegin(), count);
  }
}

}  // namespace
}  // namespace metadb::tests
