// How much memory documents take on their way into transformed tables.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "tests/ingest/children_fixture.h"
#include "tests/server/process_memory.h"

namespace metadb::tests {
namespace {

using testing::ElementsAre;

// What the sanitizers keep of what is freed has no bound.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsMemoryOurs = false;
constexpr int kElements = 10'000;
#else
constexpr bool kIsMemoryOurs = true;
constexpr int kElements = 150'000;
#endif

// METADB_ELEMENTS=2000000 asks for more, and what they take is printed.
const char* const kElementsWanted = std::getenv("METADB_ELEMENTS");

int elements_wanted() {
  return kElementsWanted == nullptr ? kElements : std::atoi(kElementsWanted);
}

// The most memory that this process had since.
class Peak {
 public:
  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  void watch(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      bytes_ = std::max<size_t>(bytes_, resident_bytes());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::atomic<size_t> bytes_ = resident_bytes();
  std::jthread thread_{[this](const std::stop_token& stop) { watch(stop); }};
};

class ChildrenMemory : public ChildrenTest {
 protected:
  static std::string element(int number) {
    return fmt::format(R"({{"number":{0},"text":"element {0}","b":[{0}]}})", number);
  }
  static std::string elements(int count) {
    std::string out;
    for (int i = 1; i <= count; ++i) out += (i > 1 ? "," : "") + element(i);
    return out;
  }
  // The same elements are mapped, or left out.
  static std::string document(const std::string& elements, bool is_mapped) {
    return fmt::format(R"({{"{}":[{}]}})", is_mapped ? "a" : "skipped", elements);
  }
  void map_elements() { map({{"$", "t"}, {"$.a", "a"}, {"$.a.b", "b"}}); }

  // Documents of one batch. Returns the peak while it is applied.
  size_t peak_of(int documents, const std::string& elements, bool is_mapped) {
    const Peak peak;
    std::vector<ingest::Change> changes;
    for (int id = 1; id <= documents; ++id) {
      const std::string text = document(elements, is_mapped);
      changes.push_back(change(ingest::Op::update, id, Cell::text(text)));
    }
    apply(changes);
    return peak.bytes();
  }

  // What the elements of so many documents take, above what the same bytes take that nothing maps.
  void expect_bounded(int documents, const std::string& elements) {
    peak_of(1, element(1), true);  // makes the tables
    const size_t before = resident_bytes();
    peak_of(documents, elements, false);  // a connection keeps its largest buffer
    const size_t left_out = peak_of(documents, elements, false);
    const size_t mapped = peak_of(documents, elements, true);
    constexpr size_t kBound = size_t{24} << 20;
    if (kIsMemoryOurs) {
      EXPECT_LT(mapped, left_out + kBound);
    }
    if (kElementsWanted == nullptr) return;
    constexpr size_t kMega = 1'000'000;
    fmt::print("{} documents of {} MB: {} MB before, at most {} MB left out, {} MB mapped\n",
               documents, elements.size() / kMega, before / kMega, left_out / kMega,
               mapped / kMega);
  }
  void expect_rows(const std::string& id, int64_t count) {
    EXPECT_THAT(rows(fmt::format("SELECT count(*) FROM public.{}__{}", table_, id)),
                ElementsAre(std::to_string(count)));
  }
};

TEST_F(ChildrenMemory, DoesNotGrowWithTheElementsOfADocument) {
  map_elements();
  const int count = elements_wanted();
  expect_bounded(1, elements(count / 2));
  expect_rows("a", count / 2);
  expect_rows("b", count / 2);
}

TEST_F(ChildrenMemory, DoesNotGrowWithTheElementsOfManyDocuments) {
  map_elements();
  constexpr int kDocuments = 50;
  const int each = elements_wanted() / kDocuments / 2;
  expect_bounded(kDocuments, elements(each));
  expect_rows("a", int64_t{kDocuments} * each);
  expect_rows("b", int64_t{kDocuments} * each);
}

}  // namespace
}  // namespace metadb::tests
