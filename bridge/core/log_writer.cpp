#include "core/log_writer.hpp"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>

namespace zws {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds look{50};  // how often a writer that is kept waiting looks whether to end
constexpr milliseconds last_look{200};         // for it to notice that
constexpr std::size_t kept_bytes = 64 * 1024;  // of memory, when nothing waits

// Whole lines where they fit: what is written at once and fits in PIPE_BUF stays in one piece,
// whoever else writes to the same pipe.
std::string_view first_piece(std::string_view text) noexcept {
  if (text.size() <= PIPE_BUF) return text;
  const std::string_view piece = text.substr(0, PIPE_BUF);
  const std::size_t newline = piece.rfind('\n');
  return newline == std::string_view::npos ? piece : piece.substr(0, newline + 1);
}

// How many bytes of `piece` were taken within `time`; nothing if none ever will be.
//
// The descriptor is asked first and stays as it is: what O_NONBLOCK changes belongs to every process
// that has the same pipe or terminal for its stderr.
std::optional<std::size_t> write_piece(int descriptor, std::string_view piece,
                                       milliseconds time) noexcept {
  pollfd asked{descriptor, POLLOUT, 0};
  if (::poll(&asked, 1, static_cast<int>(time.count())) <= 0) return 0;
  const ssize_t taken = ::write(descriptor, piece.data(), piece.size());
  if (taken >= 0) return static_cast<std::size_t>(taken);
  if (errno == EINTR || errno == EAGAIN) return 0;
  return std::nullopt;
}

}  // namespace

// What the thread and those who put share; the thread keeps it alive if it is left behind.
class LogWriter::Lines {
 public:
  Lines(int descriptor, Tell tell, std::size_t bytes)
      : descriptor_(descriptor), tell_(tell), bytes_(bytes) {}

  void put(std::string_view line) noexcept try {
    {
      const std::lock_guard lock(mutex_);
      if (dropping_ || unwritten_ + line.size() > bytes_) {
        dropping_ = true;
        count_dropped(1);
      } else {
        waiting_ += line;
        unwritten_ += line.size();
      }
    }
    changed_.notify_one();
  } catch (...) {
    dropped_.fetch_add(1, std::memory_order_relaxed);  // there was no memory for it
  }

  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

  void run() noexcept {
    std::unique_lock lock(mutex_);
    while (!abandoned_) {
      take_up_again();
      if (const std::string_view piece = next_piece(); !piece.empty()) {
        lock.unlock();
        const auto taken = write_piece(descriptor_, piece, look);
        lock.lock();
        count_written(piece, taken);
      } else if (finishing_) {
        break;
      } else {
        changed_.wait(lock);
      }
    }
    ended_ = true;
    end_.notify_one();
  }

  // Whether the thread has ended. It is given `time` to write what waits.
  bool finish(milliseconds time) noexcept {
    std::unique_lock lock(mutex_);
    finishing_ = true;
    changed_.notify_one();
    const auto ended = [this] { return ended_; };
    if (end_.wait_for(lock, time, ended)) return true;
    abandoned_ = true;
    return end_.wait_for(lock, last_look, ended);
  }

 private:
  void count_dropped(std::uint64_t lines) noexcept {
    untold_ += lines;
    dropped_.fetch_add(lines, std::memory_order_relaxed);
  }

  // Half of the room is free: lines are kept again, behind one that tells of those that were not.
  void take_up_again() noexcept try {
    if (unwritten_ > bytes_ / 2) return;
    dropping_ = false;
    if (untold_ == 0 || refused_) return;
    const std::string line = tell_(untold_);
    waiting_ += line;
    unwritten_ += line.size();
    untold_ = 0;
  } catch (...) {
    // No memory: it is told another time.
  }

  // Of what waits, the first; it stays where it is until count_written().
  std::string_view next_piece() {
    if (written_ == writing_.size()) {
      writing_.clear();
      if (writing_.capacity() > kept_bytes) writing_.shrink_to_fit();
      written_ = 0;
      writing_.swap(waiting_);
    }
    return first_piece(std::string_view(writing_).substr(written_));
  }

  // A piece that was refused is given up, so that a stderr without a reader keeps nobody busy.
  void count_written(std::string_view piece, std::optional<std::size_t> taken) {
    if (!taken) count_dropped(std::count(piece.begin(), piece.end(), '\n'));
    if (taken != 0) refused_ = !taken;
    const std::size_t done = taken.value_or(piece.size());
    written_ += done;
    unwritten_ -= done;
  }

  const int descriptor_;
  const Tell tell_;
  const std::size_t bytes_;
  std::atomic<std::uint64_t> dropped_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable end_;
  std::string waiting_;
  std::string writing_;  // only the thread writes to it; `written_` of it have been taken
  std::size_t written_ = 0;
  std::size_t unwritten_ = 0;  // bytes of both
  std::uint64_t untold_ = 0;   // dropped, and no line has said so yet
  bool dropping_ = false;
  bool refused_ = false;  // the last piece was: one that is taken must come before any telling
  bool finishing_ = false;
  bool abandoned_ = false;
  bool ended_ = false;
};

LogWriter::LogWriter(int descriptor, Tell tell, std::size_t bytes, milliseconds finish)
    : lines_(std::make_shared<Lines>(descriptor, tell, bytes)),
      finish_(finish),
      thread_([lines = lines_] { lines->run(); }) {}

LogWriter::~LogWriter() {
  if (lines_->finish(finish_)) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void LogWriter::put(std::string_view line) noexcept { lines_->put(line); }

std::uint64_t LogWriter::dropped() const noexcept { return lines_->dropped(); }

bool write_within(int descriptor, std::string_view text, milliseconds time) noexcept {
  const auto until = steady_clock::now() + time;
  while (!text.empty()) {
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    if (left.count() <= 0) return false;
    const auto taken = write_piece(descriptor, first_piece(text), left);
    if (!taken) return false;
    text.remove_prefix(*taken);
  }
  return true;
}

}  // namespace zws
