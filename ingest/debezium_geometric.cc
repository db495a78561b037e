#include "ingest/debezium_geometric.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <initializer_list>
#include <utility>
#include <vector>

#include "ingest/debezium_cell.h"
#include "ingest/debezium_scalar.h"
#include "ingest/debezium_text.h"

namespace metadb::ingest {
namespace {

double coordinate(const JsonNode& value, std::string_view name) {
  const JsonNode* found = value.member(name);
  if (found == nullptr) throw DecodeError("a point, line or circle without " + std::string(name));
  return floating<double>(*found);
}

void append_coordinates(std::string& out, const JsonNode& value,
                        std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    append_big_endian(out, std::bit_cast<uint64_t>(coordinate(value, name)));
  }
}

}  // namespace

void convert_point(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::object, "a point");
  // MySQL's; PostgreSQL's have none.
  const JsonNode* srid = value.member("srid");
  if (srid != nullptr && !srid->is_null()) throw DecodeError("a point with an SRID", "22008");
  const size_t begin = begin_cell(out);
  append_coordinates(out, value, {"x", "y"});
  end_cell(out, begin);
}

void convert_line(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::object, "a line");
  const size_t begin = begin_cell(out);
  append_coordinates(out, value, {"a", "b", "c"});
  end_cell(out, begin);
}

void convert_circle(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::object, "a circle");
  const JsonNode* center = value.member("center");
  if (center == nullptr) throw DecodeError("a circle without center");
  const size_t begin = begin_cell(out);
  append_coordinates(out, *center, {"x", "y"});
  append_coordinates(out, value, {"radius"});
  end_cell(out, begin);
}

namespace {

enum class Shape : uint8_t { none, box, lseg, path, polygon };

constexpr std::array kShapes = {
    std::pair{std::string_view("box"), Shape::box},
    std::pair{std::string_view("lseg"), Shape::lseg},
    std::pair{std::string_view("path"), Shape::path},
    std::pair{std::string_view("polygon"), Shape::polygon},
};

struct Point {
  double x = 0;
  double y = 0;
};

std::string_view extension(const JsonNode& value, std::string_view name) {
  const JsonNode* extensions = value.member("extensions");
  if (extensions == nullptr || extensions->kind != JsonKind::object) return {};
  const JsonNode* member = extensions->member(name);
  return member != nullptr && member->kind == JsonKind::string ? member->text : std::string_view();
}

Shape shape_of(const JsonNode& value) {
  expect(value, JsonKind::object, "a geometry");
  const auto* found = std::ranges::find(kShapes, extension(value, "type"),
                                        [](const auto& shape) { return shape.first; });
  return found != kShapes.end() ? found->second : Shape::none;
}

std::string wkb_of(const JsonNode& value) {
  const JsonNode* wkb = value.member("wkb");
  if (wkb == nullptr) throw DecodeError("a geometry without wkb");
  std::string bytes;
  append_bytes(bytes, *wkb);
  return bytes;
}

// Well-known binary: a byte that tells the order of all others, the type, the points.
class WkbReader {
 public:
  explicit WkbReader(std::string_view bytes) : bytes_(bytes) {
    if (bytes_.empty()) throw_cut();
    is_little_ = bytes_.front() == 1;
    bytes_.remove_prefix(1);
  }
  template <typename Unsigned>
  Unsigned number() {
    if (bytes_.size() < sizeof(Unsigned)) throw_cut();
    Unsigned out = 0;
    for (size_t i = 0; i < sizeof(Unsigned); ++i) {
      const size_t at = is_little_ ? sizeof(Unsigned) - 1 - i : i;
      out = static_cast<Unsigned>(out << 8U) | static_cast<unsigned char>(bytes_[at]);
    }
    bytes_.remove_prefix(sizeof(Unsigned));
    return out;
  }
  std::vector<Point> points() {
    constexpr size_t kPointBytes = 2 * sizeof(uint64_t);
    const auto count = number<uint32_t>();
    if (count > bytes_.size() / kPointBytes) throw_cut();
    std::vector<Point> out(count);
    for (Point& point : out) {
      point.x = std::bit_cast<double>(number<uint64_t>());
      point.y = std::bit_cast<double>(number<uint64_t>());
    }
    return out;
  }

 private:
  [[noreturn]] static void throw_cut() { throw DecodeError("a geometry's wkb is cut short"); }

  std::string_view bytes_;
  bool is_little_ = true;
};

constexpr uint32_t kLineString = 2;
constexpr uint32_t kPolygon = 3;
constexpr uint32_t kHasSrid = 0x20000000;

// Of a line, or of a polygon's one ring.
std::vector<Point> points_of(const JsonNode& value) {
  const std::string wkb = wkb_of(value);
  WkbReader reader(wkb);
  const auto type = reader.number<uint32_t>();
  if (type == kPolygon && reader.number<uint32_t>() == 1) return reader.points();
  if (type == kLineString) return reader.points();
  throw DecodeError("a geometry of another type than its shape", "22008");
}

// A ring ends where it began, which the type does not repeat.
std::vector<Point> ring_of(const JsonNode& value) {
  std::vector<Point> points = points_of(value);
  if (points.size() > 1) points.pop_back();
  return points;
}

std::vector<Point> corners_of(const JsonNode& value) {
  const std::vector<Point> ring = points_of(value);
  if (ring.size() != 5) throw DecodeError("a box without four corners", "22008");
  return {ring[0], ring[2]};
}

std::vector<Point> ends_of(const JsonNode& value) {
  std::vector<Point> points = points_of(value);
  if (points.size() != 2) throw DecodeError("a line segment without two ends", "22008");
  return points;
}

bool is_closed(const JsonNode& value) {
  return extension(value, "closed") == "true";
}

void expect_shape(const JsonNode& value, Shape shape) {
  if (shape_of(value) != shape) throw DecodeError("a geometry of another shape", "22008");
}

void append_points(std::string& out, const std::vector<Point>& points) {
  for (const Point& point : points) {
    append_big_endian(out, std::bit_cast<uint64_t>(point.x));
    append_big_endian(out, std::bit_cast<uint64_t>(point.y));
  }
}

void append_counted_points(std::string& out, const std::vector<Point>& points) {
  append_big_endian(out, static_cast<int32_t>(points.size()));
  append_points(out, points);
}

void append_points_text(std::string& out, const std::vector<Point>& points) {
  for (size_t i = 0; i < points.size(); ++i) {
    out += i == 0 ? "(" : ",(";
    append_float_text(out, points[i].x);
    out += ',';
    append_float_text(out, points[i].y);
    out += ')';
  }
}

bool is_higher(double a, double b) {
  return a > b || (std::isnan(a) && !std::isnan(b));
}

// The upper right corner first.
std::vector<Point> sorted(std::vector<Point> corners) {
  if (is_higher(corners[1].x, corners[0].x)) std::swap(corners[0].x, corners[1].x);
  if (is_higher(corners[1].y, corners[0].y)) std::swap(corners[0].y, corners[1].y);
  return corners;
}

std::string ewkb_of(const JsonNode& value) {
  std::string wkb = wkb_of(value);
  WkbReader reader(wkb);
  const auto type = reader.number<uint32_t>();
  const JsonNode* srid = value.member("srid");
  const bool is_told = srid != nullptr && !srid->is_null();
  if (!is_told || (type & kHasSrid) != 0) return wkb;
  const int64_t id = integer(*srid);
  if (id == 0) return wkb;
  if (id != static_cast<int32_t>(id)) throw DecodeError("SRID out of range", "22003");
  const bool is_little = wkb.front() == 1;
  std::string head(1, wkb.front());
  for (const uint32_t number : {type | kHasSrid, static_cast<uint32_t>(id)}) {
    std::string bytes;
    append_big_endian(bytes, number);
    if (is_little) std::reverse(bytes.begin(), bytes.end());
    head += bytes;
  }
  return head + wkb.substr(1 + sizeof(uint32_t));
}

}  // namespace

void convert_box(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect_shape(value, Shape::box);
  const std::vector<Point> corners = corners_of(value);
  const size_t begin = begin_cell(out);
  append_points(out, corners);
  end_cell(out, begin);
}

void convert_lseg(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect_shape(value, Shape::lseg);
  const std::vector<Point> ends = ends_of(value);
  const size_t begin = begin_cell(out);
  append_points(out, ends);
  end_cell(out, begin);
}

void convert_path(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect_shape(value, Shape::path);
  const std::vector<Point> points = points_of(value);
  const size_t begin = begin_cell(out);
  out += is_closed(value) ? '\1' : '\0';
  append_counted_points(out, points);
  end_cell(out, begin);
}

void convert_polygon(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect_shape(value, Shape::polygon);
  const std::vector<Point> points = ring_of(value);
  const size_t begin = begin_cell(out);
  append_counted_points(out, points);
  end_cell(out, begin);
}

void convert_geometry(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect_shape(value, Shape::none);
  append_bytes_cell(out, ewkb_of(value));
}

void convert_geometry_text(const JsonNode& value, const TypeParameters&, std::string& out) {
  const Shape shape = shape_of(value);
  std::string text;
  switch (shape) {
    case Shape::none:
      for (const char byte : ewkb_of(value))
        text += fmt::format("{:02X}", static_cast<unsigned char>(byte));
      break;
    case Shape::box:
      append_points_text(text, sorted(corners_of(value)));
      break;
    case Shape::lseg:
      append_points_text(text, ends_of(value));
      text = "[" + text + "]";
      break;
    case Shape::path:
      append_points_text(text, points_of(value));
      text = is_closed(value) ? "(" + text + ")" : "[" + text + "]";
      break;
    case Shape::polygon:
      append_points_text(text, ring_of(value));
      text = "(" + text + ")";
      break;
  }
  append_text_cell(out, text);
}

}  // namespace metadb::ingest
