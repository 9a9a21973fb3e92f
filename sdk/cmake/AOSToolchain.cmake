# Programs of AOS with CMake: cmake -S . -B build --toolchain .../lib/cmake/AOS/AOSToolchain.cmake
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)   # nothing can be linked without the package
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostdlib -static")
set(AOS_DIR "${CMAKE_CURRENT_LIST_DIR}")
