#include "server/stop_signals.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace metadb::server {

StopSignals::StopSignals(Hangup hangup)
    : hangup_(hangup),
      finished_(eventfd(0, EFD_CLOEXEC)),
      reload_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  sigset_t stopping;
  sigemptyset(&stopping);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    struct sigaction current {};
    sigaction(number, nullptr, &current);
    if (current.sa_handler != SIG_IGN) sigaddset(&stopping, number);
  }
  pthread_sigmask(SIG_BLOCK, &stopping, &previous_);
  signals_ = Descriptor(signalfd(-1, &stopping, SFD_CLOEXEC));
  if (!signals_ || !finished_ || !reload_) {
    throw std::system_error(errno, std::generic_category(), "signalfd");
  }
  thread_ = std::jthread([this] { watch(); });
}

StopSignals::~StopSignals() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(finished_.get(), &one, sizeof one);
  thread_.join();
  pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

void StopSignals::watch() {
  for (;;) {
    std::array<pollfd, 2> waited{{{signals_.get(), POLLIN, 0}, {finished_.get(), POLLIN, 0}}};
    if (poll(waited.data(), waited.size(), -1) < 0) continue;
    if (waited[1].revents != 0) return;
    signalfd_siginfo signal{};
    if (read(signals_.get(), &signal, sizeof signal) != sizeof signal) continue;
    if (signal.ssi_signo == SIGHUP && hangup_ == Hangup::reloads) {
      eventfd_write(reload_.get(), 1);
      continue;
    }
    const char* name = strsignal(static_cast<int>(signal.ssi_signo));
    if (!source_.request_stop()) {
      spdlog::warn("second signal ({}): ending at once", name);
      _exit(1);
    }
    spdlog::info("stopping ({})", name);
  }
}

}  // namespace metadb::server
