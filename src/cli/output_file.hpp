// A file that is there whole or not at all: written under a temporary name beside it, synced, then renamed.
#pragma once
#include <string>
#include <string_view>

#include "model/error.hpp"

namespace ratebook::cli {

class OutputFile {
 public:
  /// Failure::full says what cannot be made.
  static Result<OutputFile> make(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  /// Takes the temporary file away, unless finish() has made it the real one.
  ~OutputFile();

  Result<void> write(std::string_view text);
  Result<void> finish();

 private:
  OutputFile(std::string path, std::string temporary, int descriptor)
      : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
};

}  // namespace ratebook::cli
