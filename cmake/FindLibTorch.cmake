# LibTorch from Torch_DIR or CMAKE_PREFIX_PATH, as prefbench::libtorch with SYSTEM headers (they are not warning-free).
find_package(Torch 2.1 REQUIRED)
add_library(prefbench_libtorch INTERFACE)
add_library(prefbench::libtorch ALIAS prefbench_libtorch)
target_include_directories(prefbench_libtorch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(prefbench_libtorch INTERFACE ${TORCH_LIBRARIES})
separate_arguments(prefbench_torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
# ccache can share objects made with a precompiled header only when GCC keeps the #include of it in preprocessed output.
target_compile_options(prefbench_libtorch INTERFACE ${prefbench_torch_flags} $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
