#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace prefbench::files {

/// The whole file as bytes; Error names the file and the system's reason.
std::string readFile(const std::filesystem::path& file);

/// Throws the Error that readFile would throw where `file` is missing, a folder or not readable.
void checkReadable(const std::filesystem::path& file);

/// Replaces `file` so that a crash or power cut leaves the old or the new content, never a mixture: temporary file in
/// the same folder, fsync, rename, fsync of the folder. Throws Error with file and reason (disk full, read-only…); the
/// old content then stands.
void writeDurably(const std::filesystem::path& file, std::string_view bytes);

/// What the names of those temporary files hold; they begin with a dot.
inline constexpr const char* kTemporaryMark = ".tmp-";

/// writeDurably without the fsyncs: atomic for readers, not for power cuts. For status that is rewritten every second.
void writeAtomically(const std::filesystem::path& file, std::string_view bytes);

/// fsync of a file or folder; Error on failure.
void syncPath(const std::filesystem::path& path);

/// Bytes free for an unprivileged writer on the file system that holds `path`.
std::uint64_t freeBytes(const std::filesystem::path& path);

/// Append-only text file of whole lines (metrics.jsonl). A torn last line left by a crash is ended with a newline on
/// opening. Each append is one write(2), gone on with where it was short; throws Error when that fails, and the next
/// append then ends what was written of the line.
class LineAppender {
  public:
    explicit LineAppender(const std::filesystem::path& file);
    ~LineAppender();
    LineAppender(const LineAppender&) = delete;
    LineAppender& operator=(const LineAppender&) = delete;

    /// `line` without its newline; a newline within it is an Error.
    void append(std::string_view line);
    void sync();

  private:
    std::filesystem::path file_;
    int descriptor_ = -1;
    bool torn_ = false;
};

}  // namespace prefbench::files
