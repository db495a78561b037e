#include "server/command_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "catalog/error.h"
#include "tests/fakes/no_more_threads.h"

namespace metadb::tests {
namespace {

using server::CommandLane;
using server::CommandPool;

TEST(CommandPool, OtherLanesDoNotWaitForTheRegularOne) {
  std::promise<void> release;
  std::promise<void> regular_runs;
  std::promise<void> quick_done;
  std::promise<void> cancel_done;
  CommandPool pool({.regular_threads_max = 1, .quick_threads_max = 1});  // its jobs use the others
  pool.submit(CommandLane::regular, [&] {
    regular_runs.set_value();
    release.get_future().wait();
  });
  regular_runs.get_future().wait();
  pool.submit(CommandLane::quick, [&] { quick_done.set_value(); });
  pool.submit(CommandLane::cancel, [&] { cancel_done.set_value(); });
  quick_done.get_future().wait();
  cancel_done.get_future().wait();
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

TEST(CommandPool, RefusesAJobThatNoThreadCanRun) {
  std::atomic<int> done = 0;
  {
    CommandPool pool;
    try {
      const NoMoreThreads none;
      pool.submit(CommandLane::regular, [&] { done += 100; });
      ADD_FAILURE() << "taken";
    } catch (const catalog::Error& error) {
      EXPECT_EQ(error.sqlstate, "53000");
    }
    pool.submit(CommandLane::regular, [&] { ++done; });
  }
  EXPECT_EQ(done, 1);
}

TEST(CommandPool, JobWaitsForAThreadThatIsThereIfNoneCanBeMade) {
  std::promise<void> release;
  std::promise<void> first_runs;
  std::promise<void> second_done;
  CommandPool pool;
  pool.submit(CommandLane::regular, [&] {
    first_runs.set_value();
    release.get_future().wait();
  });
  first_runs.get_future().wait();
  {
    const NoMoreThreads none;
    pool.submit(CommandLane::regular, [&] { second_done.set_value(); });
  }
  release.set_value();
  second_done.get_future().wait();
}

TEST(CommandPool, TakesBackWhatHasNotBegun) {
  std::promise<void> release;
  std::promise<void> first_runs;
  std::atomic<int> done = 0;
  {
    CommandPool pool({.regular_threads_max = 1});
    const auto first = pool.submit(CommandLane::regular, [&] {
      first_runs.set_value();
      release.get_future().wait();
    });
    first_runs.get_future().wait();
    const auto second = pool.submit(CommandLane::regular, [&] { done += 100; });
    pool.submit(CommandLane::regular, [&] { ++done; });
    EXPECT_FALSE(pool.withdraw(CommandLane::regular, first));
    EXPECT_TRUE(pool.withdraw(CommandLane::regular, second));
    EXPECT_FALSE(pool.withdraw(CommandLane::regular, second));
    release.set_value();
  }
  EXPECT_EQ(done, 1);
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
