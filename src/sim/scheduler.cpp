#include "sim/scheduler.hpp"

#include <algorithm>
#include <boost/context/stack_context.hpp>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace ratebook::sim {
namespace {

// Sanitizers make frames several times as large.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t stack_bytes = 512 * 1024;
#else
constexpr std::size_t stack_bytes = 256 * 1024;
#endif

}  // namespace

Scheduler::Stacks::~Stacks() {
  for (void* bottom : spare) std::free(bottom);
}

namespace {

/// Stacks from the heap, where a sanitizer can watch over them; without one they are used again, while they are warm.
struct StackAllocator {
  boost::context::stack_context* made = nullptr;
  std::vector<void*>* spare = nullptr;

  boost::context::stack_context allocate() const {
    boost::context::stack_context context;
    void* bottom = nullptr;
    if (spare->empty()) {
      bottom = std::malloc(stack_bytes);
    } else {
      bottom = spare->back();
      spare->pop_back();
    }
    if (bottom == nullptr) throw std::bad_alloc{};
    context.size = stack_bytes;
    context.sp = static_cast<char*>(bottom) + stack_bytes;
    if (made != nullptr) *made = context;
    return context;
  }
  void deallocate(boost::context::stack_context& context) noexcept {
    void* bottom = static_cast<char*>(context.sp) - context.size;
#if defined(__SANITIZE_ADDRESS__)
    std::free(bottom);
#else
    spare->push_back(bottom);
#endif
  }
};

// What AddressSanitizer must know of a switch (sanitizer/common_interface_defs.h).
void start_switch([[maybe_unused]] void** fake_stack, [[maybe_unused]] const void* bottom,
                  [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(fake_stack, bottom, bytes);
#endif
}

void finish_switch([[maybe_unused]] void* fake_stack, [[maybe_unused]] const void** old_bottom,
                   [[maybe_unused]] std::size_t* old_bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake_stack, old_bottom, old_bytes);
#endif
}

}  // namespace

struct Scheduler::Task {
  std::uint64_t number = 0;
  ProcessPointer process;
  std::function<void()> body;
  boost::context::fiber fiber;
  boost::context::stack_context stack;
  void* fake_stack = nullptr;
  bool started = false;
  bool done = false;
  std::uint64_t wait = 0;
};

struct Scheduler::SignalState {
  std::uint64_t count = 0;
  std::vector<std::pair<Task*, std::uint64_t>> waiting;  ///< and which of the task's waits
};

Scheduler::Scheduler(std::uint64_t seed, Trace& trace) : random_(seed), trace_(trace) {}

Scheduler::~Scheduler() { unwind(); }

void Scheduler::unwind() {
  for (const auto& task : tasks_) task->process->dead = true;
  for (const auto& task : tasks_) {
    if (task->done) continue;
    if (task->started) {
      resume(*task);
    } else {
      task->done = true;
      task->body = nullptr;
    }
  }
  // The tasks stay: what ends after them may notify whoever waited.
  events_ = {};
  effects_.clear();
  free_effects_.clear();
}

ProcessPointer Scheduler::make_process(std::string name) {
  return std::make_shared<Process>(Process{.name = std::move(name)});
}

Join Scheduler::spawn(const ProcessPointer& process, std::function<void()> body) {
  tasks_.push_back(std::make_unique<Task>());
  Task& task = *tasks_.back();
  task.number = tasks_.size();
  task.process = process;
  task.body = std::move(body);
  push(now_, &task);
  return [this, &task] {
    while (current_ != nullptr && !task.done && !task.process->dead) sleep(std::chrono::milliseconds{1});
  };
}

void Scheduler::kill(const ProcessPointer& process) {
  process->dead = true;
  process->paused_until = Time{};
  for (const auto& task : tasks_) {
    if (task->process != process || task->done) continue;
    ++task->wait;
    if (task->started) {
      push(now_, task.get());
    } else {
      task->done = true;
      task->body = nullptr;
    }
  }
}

void Scheduler::pause(const ProcessPointer& process, Duration time) {
  process->paused_until = std::max(process->paused_until, now_ + time);
}

void Scheduler::at(Time time, std::function<void()> effect) { push(time, nullptr, keep(std::move(effect))); }

void Scheduler::push(Time time, Task* task, std::uint32_t effect) {
  events_.push({time, random_.next(), ++event_number_, task, task == nullptr ? 0 : task->wait, effect});
}

std::uint32_t Scheduler::keep(std::function<void()> effect) {
  if (free_effects_.empty()) {
    effects_.push_back(std::move(effect));
    return static_cast<std::uint32_t>(effects_.size() - 1);
  }
  const std::uint32_t index = free_effects_.back();
  free_effects_.pop_back();
  effects_[index] = std::move(effect);
  return index;
}

std::function<void()> Scheduler::take(std::uint32_t effect) {
  free_effects_.push_back(effect);
  return std::exchange(effects_[effect], nullptr);
}

void Scheduler::sleep(Duration time) {
  Task& task = *current_;
  if (task.process->dead) {
    // Destructors that run while Killed unwinds the task must not throw again; they wait for nothing.
    if (std::uncaught_exceptions() > 0) return;
    throw Killed{};
  }
  push(now_ + std::max(time, Duration{0}), &task);
  suspend();
}

Signal Scheduler::make_signal() {
  const auto state = std::make_shared<SignalState>();
  return {.count = [state] { return state->count; },
          .notify =
              [this, state] {
                ++state->count;
                for (const auto& [task, wait] : std::exchange(state->waiting, {})) {
                  if (!task->done && task->wait == wait) push(now_, task);
                }
              },
          .wait_past =
              [this, state](std::uint64_t seen, Duration at_most) {
                if (state->count <= seen) state->waiting.emplace_back(current_, current_->wait);
                sleep(state->count > seen ? Duration{0} : at_most);
              }};
}

std::uint64_t Scheduler::task() const { return current_ == nullptr ? 0 : current_->number; }
const ProcessPointer& Scheduler::process() const { return current_->process; }

void Scheduler::run(Time until) {
  while (!stopped_ && !events_.empty() && events_.top().time <= until) {
    const Event event = events_.top();
    events_.pop();
    now_ = event.time;
    trace_.step(now_, event.task == nullptr ? 0 : event.task->number);
    if (event.task == nullptr) {
      take(event.effect)();
      continue;
    }
    Task& task = *event.task;
    if (task.done || task.wait != event.wait) continue;
    if (task.process->paused_until > now_) {
      push(task.process->paused_until, &task);
      continue;
    }
    resume(task);
  }
  if (!stopped_) now_ = std::max(now_, until);
}

void Scheduler::resume(Task& task) {
  ++task.wait;
  current_ = &task;
  if (!task.started) {
    task.started = true;
    task.fiber =
        boost::context::fiber{std::allocator_arg, StackAllocator{&task.stack, &stacks_.spare},
                              [this, &task](boost::context::fiber&& main) { return enter(task, std::move(main)); }};
  }
  start_switch(&main_fake_stack_, static_cast<char*>(task.stack.sp) - task.stack.size, task.stack.size);
  task.fiber = std::move(task.fiber).resume();
  finish_switch(main_fake_stack_, nullptr, nullptr);
  current_ = nullptr;
  if (!task.done) return;
  task.body = nullptr;
  if (!escaped_exception_.empty()) stop();
}

void Scheduler::suspend() {
  Task& task = *current_;
  start_switch(&task.fake_stack, main_stack_, main_stack_bytes_);
  main_ = std::move(main_).resume();
  finish_switch(task.fake_stack, &main_stack_, &main_stack_bytes_);
  if (task.process->dead) throw Killed{};
}

boost::context::fiber Scheduler::enter(Task& task, boost::context::fiber&& main) {
  finish_switch(nullptr, &main_stack_, &main_stack_bytes_);
  main_ = std::move(main);
  try {
    task.body();
  } catch (const Killed&) {  // NOLINT(bugprone-empty-catch): it ends, as it was told
  } catch (const std::exception& escaped) {
    escaped_exception_ = escaped.what();
  }
  task.done = true;
  start_switch(nullptr, main_stack_, main_stack_bytes_);
  return std::move(main_);
}

Runtime make_runtime(Scheduler& scheduler, const std::shared_ptr<Clocks>& clocks, const ProcessPointer& process) {
  return {
      .boot_time =
          [&scheduler, clocks] {
            const auto run = static_cast<double>(scheduler.now().count()) * clocks->boot_rate;
            return clocks->boot_offset + Duration{static_cast<std::int64_t>(run)};
          },
      .wall_time =
          [&scheduler, clocks] {
            return clocks->wall_offset + std::chrono::duration_cast<std::chrono::milliseconds>(scheduler.now()).count();
          },
      .sleep = [&scheduler](Duration time) { scheduler.sleep(time); },
      .fill_random = [&scheduler](std::span<std::uint8_t> bytes) { scheduler.random().fill(bytes); },
      .make_signal = [&scheduler] { return scheduler.make_signal(); },
      .spawn = [&scheduler, process](std::function<void()> body) { return scheduler.spawn(process, std::move(body)); }};
}

}  // namespace ratebook::sim
