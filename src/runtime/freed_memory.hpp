// What the allocator does with memory that the program has freed.
#pragma once

namespace ratebook {

/// Large blocks go back to the machine when they are freed. Without this glibc takes the largest one freed so far for
/// usual, and each of its arenas keeps as much: after one export a server held twice the memory. Call once, before
/// there are threads. mallopt(3).
void return_freed_memory();

}  // namespace ratebook
