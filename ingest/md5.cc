#include "ingest/md5.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <utility>

namespace metadb::ingest {
namespace {

constexpr size_t kBlock = 64;
constexpr size_t kLengthAt = 56;  // in the last block, the number of bits

std::array<uint32_t, kBlock> sines() {
  std::array<uint32_t, kBlock> out{};
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<uint32_t>(
        std::floor(std::abs(std::sin(static_cast<double>(i + 1))) * 4294967296.0));
  }
  return out;
}

// One step's function of three words, and which word of the block it takes.
std::pair<uint32_t, size_t> mixed(size_t step, uint32_t b, uint32_t c, uint32_t d) {
  switch (step / 16) {
    case 0:
      return {(b & c) | (~b & d), step};
    case 1:
      return {(d & b) | (~d & c), (5 * step + 1) % 16};
    case 2:
      return {b ^ c ^ d, (3 * step + 5) % 16};
    default:
      return {c ^ (b | ~d), 7 * step % 16};
  }
}

void add_block(std::array<uint32_t, 4>& state, std::string_view block) {
  static const std::array<uint32_t, kBlock> kSines = sines();
  constexpr int kTurns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  std::array<uint32_t, 16> words{};
  for (size_t i = 0; i < kBlock; ++i)
    words[i / 4] |= static_cast<uint32_t>(static_cast<unsigned char>(block[i])) << (8 * (i % 4));
  auto [a, b, c, d] = state;
  for (size_t step = 0; step < kBlock; ++step) {
    const auto [word, index] = mixed(step, b, c, d);
    const uint32_t sum = a + word + kSines[step] + words[index];
    a = d;
    d = c;
    c = b;
    b += std::rotl(sum, kTurns[step / 16][step % 4]);
  }
  state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d};
}

}  // namespace

std::array<uint8_t, 16> md5(std::string_view bytes) {
  std::string padded(bytes);
  padded += '\x80';
  while (padded.size() % kBlock != kLengthAt) padded += '\0';
  const uint64_t bits = uint64_t{bytes.size()} * 8;
  for (size_t i = 0; i < sizeof bits; ++i) padded += static_cast<char>(bits >> (8 * i) & 0xff);
  std::array<uint32_t, 4> state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  for (size_t at = 0; at < padded.size(); at += kBlock)
    add_block(state, std::string_view(padded).substr(at, kBlock));
  std::array<uint8_t, 16> out{};
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<uint8_t>(state[i / 4] >> (8 * (i % 4)) & 0xff);
  return out;
}

std::string name_uuid(std::string_view bytes) {
  std::array<uint8_t, 16> digest = md5(bytes);
  digest[6] = static_cast<uint8_t>((digest[6] & 0x0f) | 0x30);
  digest[8] = static_cast<uint8_t>((digest[8] & 0x3f) | 0x80);
  std::string out;
  for (size_t i = 0; i < digest.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += fmt::format("{:02x}", digest[i]);
  }
  return out;
}

}  // namespace metadb::ingest
