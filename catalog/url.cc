#include "catalog/url.h"

#include <algorithm>
#include <charconv>

namespace metadb::catalog {
namespace {

constexpr std::string_view kHidden = "********";

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned byte = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const char* digits = text.data() + i + 1;
    if (std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

// Takes what stands before `mark` off the text; everything if the mark is not there.
std::string_view take_until(std::string_view& text, char mark) {
  const std::string_view taken = text.substr(0, text.find(mark));
  text.remove_prefix(std::min(taken.size() + 1, text.size()));
  return taken;
}

bool take_user(std::string_view user, Url& url) {
  const auto name = percent_decoded(take_until(user, ':'));
  const auto password = percent_decoded(user);
  if (!name || !password || name->empty()) return false;
  url.user = *name;
  url.password = *password;
  return true;
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && stop == text.data() + text.size() && port > 0 && port < 65536;
}

bool take_host(std::string_view text, Url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    url.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (!text.empty() && text.front() != ':') return false;
    port = text.substr(std::min<size_t>(1, text.size()));
  } else {
    url.host = take_until(text, ':');
    port = text;
  }
  url.port = port.empty() ? (url.is_https ? "443" : "80") : std::string(port);
  // Host and port become part of a line of HTTP.
  const bool is_printable =
      std::ranges::all_of(url.host, [](char c) { return c > ' ' && c < '\x7f'; });
  return !url.host.empty() && is_printable && is_port(url.port);
}

}  // namespace

std::optional<Url> parse_url(std::string_view text) {
  Url url;
  if (text.starts_with("https://")) {
    url.is_https = true;
  } else if (!text.starts_with("http://")) {
    return std::nullopt;
  }
  text.remove_prefix(text.find("//") + 2);
  const bool is_printable = std::ranges::all_of(
      text, [](char c) { return c > ' ' && c != '\x7f' && c != '?' && c != '#'; });
  if (!is_printable) return std::nullopt;
  const size_t slash = text.find('/');
  std::string_view authority = text.substr(0, slash);
  if (slash != std::string_view::npos) url.path = text.substr(slash);
  while (url.path.ends_with('/')) url.path.pop_back();
  const size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    if (!take_user(authority.substr(0, at), url)) return std::nullopt;
    authority.remove_prefix(at + 1);
  }
  if (!take_host(authority, url)) return std::nullopt;
  return url;
}

// A password may hold whatever was not encoded: all up to the last @ belongs to it.
std::string masked_url(std::string_view text) {
  const size_t scheme = text.find("://");
  const size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos || at < begin) return std::string(text);
  const size_t colon = text.find(':', begin);
  if (colon == std::string_view::npos || colon > at) return std::string(text);
  std::string out(text.substr(0, colon + 1));
  out += kHidden;
  out += text.substr(at);
  return out;
}

}  // namespace metadb::catalog
