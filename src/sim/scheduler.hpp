// Tasks under a simulated clock, all in one thread: a task runs until it waits, and who runs next is decided by the
// simulated time and, between equals, by the seed.
//
//   events  ──(time, chance)──▶ resume a task's fiber ─▶ runs real code ─▶ sleep / wait ─▶ back here
//                            └▶ call an effect (what is under way and outlives its caller)
//
// A process is one life of a node or client. Killing it resumes its tasks with Killed, which unwinds them; pausing it
// lets nothing of it run until the pause is over.
#pragma once
#include <boost/context/fiber.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/runtime.hpp"
#include "sim/random.hpp"
#include "sim/trace.hpp"

namespace ratebook::sim {

using Time = Duration;  ///< since the simulation began

/// Thrown out of a wait in a task whose process was killed. Nothing on the path may catch it.
struct Killed {};

struct Process {
  std::string name;
  bool dead = false;
  Time paused_until{};
};
using ProcessPointer = std::shared_ptr<Process>;

class Scheduler {
 public:
  Scheduler(std::uint64_t seed, Trace& trace);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  Time now() const { return now_; }
  Random& random() { return random_; }
  void note(std::string_view who, std::string_view what, std::initializer_list<std::uint64_t> numbers = {},
            std::string_view text = {}) {
    trace_.note(now_, who, what, numbers, text);
  }

  /// For people alone: not part of the trace's digest.
  bool is_verbose() const { return trace_.is_verbose(); }
  void explain(std::string_view what) { trace_.explain(what); }

  ProcessPointer make_process(std::string name);
  /// What it returns waits for the task's end; for a task of the same process. Nobody waits for a process that is dead,
  /// nor from outside of tasks.
  Join spawn(const ProcessPointer& process, std::function<void()> body);
  void kill(const ProcessPointer& process);
  void pause(const ProcessPointer& process, Duration time);

  /// Kills and unwinds whatever still runs, while what it refers to is still there.
  void unwind();

  /// Calls `effect` at a time, whatever becomes of the process that asked for it. It must not wait.
  void at(Time time, std::function<void()> effect);

  // For tasks. All throw Killed in a task whose process was killed.
  void sleep(Duration time);
  /// A call to somewhere else: `effect` happens after `there`, the answer is back after `back` more. Where the caller
  /// dies meanwhile, the effect may happen all the same.
  template <class T>
  T call(Duration there, Duration back, std::function<T()> effect) {
    const ProcessPointer& caller = process();
    if (caller->dead) throw Killed{};
    const auto answer = std::make_shared<std::optional<T>>();
    at(now_ + there, [this, caller, answer, effect = std::move(effect)] {
      if (caller->dead && random_.chance(0.5)) return;
      *answer = effect();
    });
    sleep(there + back);
    while (!answer->has_value()) sleep(std::chrono::milliseconds{1});
    return std::move(**answer);
  }
  Signal make_signal();
  /// Identifies the running task; 0 outside of tasks.
  std::uint64_t task() const;
  const ProcessPointer& process() const;

  /// Runs events up to `until`, or until stop() is called or nothing is left to do.
  void run(Time until);
  void stop() { stopped_ = true; }

  /// What a task ended with other than its end and Killed: what() of it; empty: none.
  const std::string& escaped_exception() const { return escaped_exception_; }

 private:
  struct Task;
  struct SignalState;
  struct Stacks {
    Stacks() = default;
    Stacks(const Stacks&) = delete;
    Stacks& operator=(const Stacks&) = delete;
    ~Stacks();
    std::vector<void*> spare;
  };
  struct Event {
    Time time{};
    std::uint64_t tie = 0;
    std::uint64_t number = 0;
    Task* task = nullptr;      ///< to resume, if it still waits for this
    std::uint64_t wait = 0;    ///< which of the task's waits
    std::uint32_t effect = 0;  ///< without a task: index into effects_; the queue moves events often

    bool operator<(const Event& other) const {  // the queue gives the greatest first
      return std::tie(time, tie, number) > std::tie(other.time, other.tie, other.number);
    }
  };
  void push(Time time, Task* task, std::uint32_t effect = 0);
  std::uint32_t keep(std::function<void()> effect);
  std::function<void()> take(std::uint32_t effect);
  void resume(Task& task);
  void suspend();
  boost::context::fiber enter(Task& task, boost::context::fiber&& main);

  Random random_;
  Trace& trace_;
  Time now_{};
  bool stopped_ = false;
  std::uint64_t event_number_ = 0;
  std::priority_queue<Event> events_;
  std::vector<std::function<void()>> effects_;
  std::vector<std::uint32_t> free_effects_;  ///< indexes
  Stacks stacks_;                            ///< outlives the tasks
  std::deque<std::unique_ptr<Task>> tasks_;
  Task* current_ = nullptr;
  boost::context::fiber main_;
  const void* main_stack_ = nullptr;
  std::size_t main_stack_bytes_ = 0;
  void* main_fake_stack_ = nullptr;
  std::string escaped_exception_;
};

/// The clocks and chance of one node. Its boot-time clock starts anywhere and runs a little fast or slow; its wall
/// clock may be set to anything.
struct Clocks {
  Duration boot_offset{};
  double boot_rate = 1;
  WallTime wall_offset = 0;
};
Runtime make_runtime(Scheduler& scheduler, const std::shared_ptr<Clocks>& clocks, const ProcessPointer& process);

}  // namespace ratebook::sim
