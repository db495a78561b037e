// Tests make tables and retries by the hundred: only what is wrong is worth reading.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace metadb::tests {
namespace {

class QuietLog : public testing::Environment {
 public:
  void SetUp() override { spdlog::set_level(spdlog::level::err); }
};

const testing::Environment* const kQuietLog = testing::AddGlobalTestEnvironment(new QuietLog);

}  // namespace
}  // namespace metadb::tests
