#include "ingest/documents.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <numeric>

#include "tests/fakes/test_database.h"

namespace metadb::tests {
namespace {

// Of this process, in KiB.
int64_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoll(line.substr(6));
  }
  return 0;
}

class Documents : public testing::Test {
 protected:
  // The numbers of the documents 0 to `count` - 1, as they are read; each as long as the SQL
  // expression of n says.
  std::vector<int64_t> read(int count, const std::string& length,
                            const std::function<void(std::string_view)>& each) {
    const catalog::Transaction transaction(connection_);
    std::vector<int64_t> out;
    ingest::read_documents(connection_,
                           "SELECT n, repeat('x', " + length + ") FROM generate_series(0, " +
                               std::to_string(count - 1) + ") n ORDER BY n",
                           [&](int64_t n, std::string_view text) {
                             out.push_back(n);
                             each(text);
                           });
    return out;
  }

  TestDatabase database_;
  catalog::Connection connection_ = database_.connect();
};

std::vector<int64_t> numbers_below(int64_t end) {
  std::vector<int64_t> out(static_cast<size_t>(end));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

TEST_F(Documents, AreReadInOrderWhateverTheirLengths) {
  for (const int count : {0, 1, 255, 256, 257, 1000}) {
    for (const char* length :
         {"10", "16384", "16385", "CASE WHEN n % 3 = 0 THEN 20000 ELSE 5 END",
          "CASE WHEN n >= 256 THEN 20000 ELSE n END", "CASE WHEN n < 10 THEN 20000 ELSE 0 END"}) {
      SCOPED_TRACE(std::string(length) + " of " + std::to_string(count));
      int64_t bytes = 0;
      EXPECT_EQ(read(count, length,
                     [&](std::string_view text) { bytes += static_cast<int64_t>(text.size()); }),
                numbers_below(count));
      EXPECT_EQ(bytes, connection_
                           .exec("SELECT coalesce(sum(" + std::string(length) +
                                 "), 0)::bigint FROM generate_series(0, " +
                                 std::to_string(count - 1) + ") n")
                           .int64(0, 0));
    }
  }
}

TEST_F(Documents, TheConnectionMayBeUsedMeanwhile) {
  EXPECT_EQ(read(600, "CASE WHEN n % 2 = 0 THEN 20000 ELSE 5 END",
                 [&](std::string_view) { connection_.exec("SELECT 1"); })
                .size(),
            600U);
}

// After many short ones long ones come.
TEST_F(Documents, OfAnyLengthTakeTheMemoryOfOne) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "what is freed stays resident for a while";
#endif
  const int64_t before = resident_kib();
  int64_t most = 0;
  read(340, "CASE WHEN n < 300 THEN 100 ELSE 8000000 END",
       [&](std::string_view) { most = std::max(most, resident_kib()); });
  ASSERT_GT(before, 0);
  EXPECT_LT(most - before, 64 * 1024);
}

}  // namespace
}  // namespace metadb::tests
