#include "server/command_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace metadb::tests {
namespace {

using server::CommandLane;
using server::CommandPool;

TEST(CommandPool, QuickLaneDoesNotWaitForTheRegularOne) {
  std::promise<void> release;
  std::promise<void> regular_runs;
  std::promise<void> quick_done;
  CommandPool pool({.regular_threads_max = 1, .quick_threads_max = 1});  // its jobs use the others
  pool.submit(CommandLane::regular, [&] {
    regular_runs.set_value();
    release.get_future().wait();
  });
  regular_runs.get_future().wait();
  pool.submit(CommandLane::quick, [&] { quick_done.set_value(); });
  quick_done.get_future().wait();
  release.set_value();
}

TEST(CommandPool, LongJobsRunSideBySideUpToTheLimit) {
  std::promise<void> release;
  const auto released = release.get_future().share();
  std::atomic<int> running = 0;
  std::promise<void> all_run;
  CommandPool pool({.regular_threads_max = 3, .quick_threads_max = 1});  // its jobs use the others
  for (int i = 0; i < 3; ++i) {
    pool.submit(CommandLane::regular, [&] {
      if (++running == 3) all_run.set_value();
      released.wait();
    });
  }
  all_run.get_future().wait();
  release.set_value();
}

TEST(CommandPool, RunsEveryJobBeforeItEnds) {
  std::atomic<int> done = 0;
  {
    CommandPool pool({.regular_threads_max = 2, .quick_threads_max = 1});
    for (int i = 0; i < 1000; ++i) pool.submit(CommandLane::regular, [&] { ++done; });
  }
  EXPECT_EQ(done, 1000);
}

}  // namespace
}  // namespace metadb::tests
