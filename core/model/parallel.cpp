#include "core/model/parallel.h"

#include <omp.h>

#include <algorithm>

namespace prefbench::model {

void inParallel(std::int64_t count, std::int64_t least, const std::function<void(std::int64_t, std::int64_t)>& work) {
    const std::int64_t threads =
        std::min<std::int64_t>(omp_get_max_threads(), count / std::max<std::int64_t>(least, 1));
    if (threads <= 1 || omp_in_parallel() != 0) {
        work(0, count);
        return;
    }
#pragma omp parallel num_threads(static_cast <int>(threads))
    {
        const std::int64_t all = omp_get_num_threads(), mine = omp_get_thread_num();
        work(count * mine / all, count * (mine + 1) / all);
    }
}

}  // namespace prefbench::model
