// libFuzzer target: a stream of frames through FrameBuffer, cut anywhere.
//
// How it works: after a byte with their number and two flags the input lists frames, four bytes
// each (type, what becomes of it, length, unit of the length), and behind them the sizes of the
// pieces in which the stream arrives. Payloads are numbered bytes, so that a byte too many, too few
// or out of order shows. What should come out is computed from the list alone.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/wire/frame.h"

namespace {

using namespace metadb::server::wire;  // the subject of every line here

constexpr size_t kRecordBytes = 4;
constexpr size_t kFramesMax = 12;
constexpr size_t kNumbers = 251;
constexpr size_t kPayloadMax = 2 * BufferPool::kBufferBytes + 256;

void require(bool claim) {
  if (!claim) std::abort();
}

enum class Fate { pass, drop, hold, invalid };

struct Planned {
  char type;
  Fate fate;
  size_t payload;
};

struct Plan {
  std::vector<Planned> frames;
  std::string_view cuts;
  bool is_tail_missing = false;  // the stream ends within its last frame
  bool is_as_relayed = false;    // rows passed at once
};

Plan plan_of(std::string_view input) {
  Plan plan;
  if (input.empty()) return plan;
  const auto head = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  const size_t count = std::min((head & 0x3F) % kFramesMax, input.size() / kRecordBytes);
  plan.is_tail_missing = (head & 0x80) != 0;
  plan.is_as_relayed = (head & 0x40) != 0;
  for (size_t i = 0; i < count; ++i) {
    const auto at = [&](size_t k) {
      return static_cast<unsigned char>(input[i * kRecordBytes + k]);
    };
    // Lengths by the byte, and around those of the buffer and of twice the buffer.
    constexpr std::array<size_t, 4> kBase{0, 65536 - 128, 2 * 65536 - 128, 1024};
    const size_t payload = kBase[at(3) % kBase.size()] + at(2);
    // An impossible length is rare: nothing can be said of what follows it but that it passes.
    auto fate = at(1) == 255 ? Fate::invalid : static_cast<Fate>(at(1) % 3);
    const auto type = static_cast<char>(at(0));
    const bool is_row = type == 'D' || type == 'd';
    if (plan.is_as_relayed && is_row && fate != Fate::invalid) fate = Fate::pass;
    plan.frames.push_back({type, fate, payload});
  }
  plan.cuts = input.substr(count * kRecordBytes);
  return plan;
}

struct Stream {
  std::string bytes;
  std::vector<size_t> ends;  // of the frames
};

// As many as one payload can take, from any number on.
std::string numbered_bytes() {
  std::string bytes(kPayloadMax + kNumbers, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i % kNumbers);
  return bytes;
}

Stream stream_of(const Plan& plan) {
  static const std::string numbered = numbered_bytes();
  Stream stream;
  size_t number = 0;
  for (const Planned& frame : plan.frames) {
    const auto length = static_cast<uint32_t>(frame.fate == Fate::invalid ? 3 : frame.payload + 4);
    stream.bytes += frame.type;
    for (int shift = 24; shift >= 0; shift -= 8) stream.bytes += static_cast<char>(length >> shift);
    stream.bytes.append(numbered, number, frame.payload);
    number = (number + frame.payload) % kNumbers;
    stream.ends.push_back(stream.bytes.size());
  }
  if (plan.is_tail_missing && !stream.bytes.empty()) {
    stream.bytes.pop_back();
    stream.ends.back() = stream.bytes.size();
  }
  return stream;
}

// Sizes of pieces, over and over; without any the stream arrives as it fits. They grow in the end:
// a large stream in single bytes would take all the time there is.
class Cuts {
 public:
  explicit Cuts(std::string_view sizes) : sizes_(sizes) {}
  size_t next() {
    if (sizes_.empty()) return BufferPool::kBufferBytes;
    constexpr size_t kUntilTheyGrow = 64;
    const size_t size = static_cast<unsigned char>(sizes_[at_ % sizes_.size()]);
    const size_t growth = at_++ / kUntilTheyGrow;
    return (size < 128 ? size + 1 : (size - 127) * 997) << std::min(growth, size_t{10});
  }

 private:
  std::string_view sizes_;
  size_t at_ = 0;
};

size_t begin_of(const Stream& stream, size_t frame) {
  return frame == 0 ? 0 : stream.ends[frame - 1];
}

// Frames that pass come out as far as they have arrived; held ones only as a whole, unless they
// are too large to be held; from an impossible length on everything does.
std::string expected_output(const Plan& plan, const Stream& stream) {
  std::string expected;
  for (size_t i = 0; i < plan.frames.size(); ++i) {
    const size_t begin = begin_of(stream, i);
    const size_t here = stream.ends[i] - begin;
    const Planned& frame = plan.frames[i];
    const bool is_last_cut = plan.is_tail_missing && i + 1 == plan.frames.size();
    if (here < kHeaderBytes) break;
    if (frame.fate == Fate::invalid) return expected + stream.bytes.substr(begin);
    const size_t total = frame.payload + kHeaderBytes;
    const bool is_held = frame.fate == Fate::hold && total <= BufferPool::kBufferBytes;
    if (frame.fate == Fate::drop || (is_held && is_last_cut)) continue;
    expected += stream.bytes.substr(begin, here);
  }
  return expected;
}

// Whole frames that come out without having been looked at.
size_t pass_rows(FrameBuffer& frames, const Plan& plan, size_t frame) {
  size_t passed = frames.run().size();
  frames.pass_rows();
  passed = frames.run().size() - passed;
  while (passed > 0) {
    const Planned& row = plan.frames.at(frame++);
    require(row.type == 'D' || row.type == 'd');
    require(passed >= row.payload + kHeaderBytes);
    passed -= row.payload + kHeaderBytes;
  }
  return frame;
}

// What a channel does with bytes that have come; how many of them it took.
size_t read_some(FrameBuffer& frames, std::string_view bytes) {
  // It has waited for some of them.
  if (bytes.size() % 2 == 0) frames.rest();
  const std::span<char> space = frames.space();
  require(!space.empty());
  const size_t count = std::min(bytes.size(), space.size());
  std::ranges::copy(bytes.substr(0, count), space.begin());
  frames.added(count);
  return count;
}

// The relay's loop, without a socket.
std::string relayed(const Plan& plan, const Stream& stream) {
  BufferPool pool;
  FrameBuffer frames(pool);
  Cuts cuts(plan.cuts);
  std::string out;
  size_t frame = 0;
  const auto write = [&] {
    out += frames.run();
    frames.run_written();
  };
  for (std::string_view rest = stream.bytes; !rest.empty();) {
    rest.remove_prefix(read_some(frames, rest.substr(0, cuts.next())));
    for (;;) {
      if (plan.is_as_relayed) frame = pass_rows(frames, plan, frame);
      const auto header = frames.next();
      if (!header) break;
      const Planned& planned = plan.frames.at(frame);
      require(header->type == planned.type && header->total() == planned.payload + kHeaderBytes);
      const bool is_whole = frames.holds(*header);
      if (planned.fate == Fate::hold && !is_whole && !FrameBuffer::exceeds(*header)) break;
      const std::string_view payload = frames.payload(*header);
      require(payload.size() <= planned.payload &&
              (!is_whole || payload.size() == planned.payload));
      require(payload == std::string_view(stream.bytes)
                             .substr(begin_of(stream, frame) + kHeaderBytes, payload.size()));
      if (planned.fate == Fate::drop) {
        write();
        frames.drop(*header);
      } else {
        frames.pass(*header);
      }
      ++frame;
    }
    write();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Plan plan = plan_of({reinterpret_cast<const char*>(data), size});
  const Stream stream = stream_of(plan);
  require(relayed(plan, stream) == expected_output(plan, stream));
  return 0;
}
