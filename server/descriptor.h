// A descriptor of the operating system.
#pragma once

namespace metadb::server {

// Closed at the end of its life.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  [[nodiscard]] int get() const { return number_; }
  // The caller closes it.
  [[nodiscard]] int release();
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_;
};

}  // namespace metadb::server
