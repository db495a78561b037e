// The front end alone, for tests/scale and for trials by hand: proxy PORT UPSTREAM_HOST
// UPSTREAM_PORT DATABASE [THREADS [MAX_CONNECTIONS]]. PORT 0 takes a free one. Runs until standard
// input ends. Commands are answered by the tests' fake runner.
#include <iostream>

#include "server/listener.h"
#include "tests/fakes/fake_runner.h"

int main(int argc, char** argv) {
  using namespace metadb;
  if (argc < 5) {
    std::cerr
        << "usage: proxy PORT UPSTREAM_HOST UPSTREAM_PORT DATABASE [THREADS [MAX_CONNECTIONS]]\n";
    return 2;
  }
  tests::FakeRunner runner;
  server::CommandPool pool;
  server::FrontEndOptions options;
  options.port = static_cast<uint16_t>(std::stoi(argv[1]));
  options.upstream.hosts = {{argv[2], static_cast<uint16_t>(std::stoi(argv[3]))}};
  options.session.database = argv[4];
  options.policy.accept_backend_trust = true;
  if (argc > 5) options.io_threads = std::stoi(argv[5]);
  options.policy.connections_max = argc > 6 ? std::stoi(argv[6]) : 10'000;
  server::FrontEnd front_end(options, runner, pool);
  front_end.start();
  std::cout << "listening on port " << front_end.port() << std::endl;
  while (std::cin.get() != std::char_traits<char>::eof()) {
  }
  front_end.stop(std::chrono::seconds(1));
  return 0;
}
