# The mutants: one deliberate error each, in a copy of a shipping header, or of a model where the order of steps
# is what the error is about. Texts must stand in their file exactly once.

# --- runq.hpp

mutant(runq_tail_relaxed CHECKER relacy/runq_steal FILE runtime/sched/runq.hpp
  FROM [[tail_.exchange(tail + 1, seq_cst);]]
  TO [[tail_.exchange(tail + 1, relaxed);]])

mutant(runq_tail_acq_rel CHECKER relacy/idle FILE runtime/sched/runq.hpp
  FROM [[tail_.exchange(tail + 1, seq_cst);]]
  TO [[tail_.exchange(tail + 1, acq_rel);]])

mutant(runq_tail_before_slot CHECKER relacy/runq_steal FILE runtime/sched/runq.hpp
  FROM [[slots_[tail % N].store(item, relaxed);
        tail_.exchange(tail + 1, seq_cst);]]
  TO [[tail_.exchange(tail + 1, seq_cst);
        slots_[tail % N].store(item, relaxed);]])

mutant(runq_copy_after_cas CHECKER relacy/runq_overflow FILE runtime/sched/runq.hpp
  FROM [[for (std::uint32_t i = 0; i < n; ++i) {
        slots_[(tail + i) % N].store(victim.slots_[(from + i) % N].load(relaxed), relaxed);
      }
      std::uint32_t expected = from;]]
  TO [[std::uint32_t expected = from;]]
  FROM2 [[moved = n;]]
  TO2 [[for (std::uint32_t i = 0; i < n; ++i) {
        slots_[(tail + i) % N].store(victim.slots_[(from + i) % N].load(relaxed), relaxed);
      }
      moved = n;]])

mutant(runq_steal_cas_relaxed CHECKER relacy/runq_reuse FILE runtime/sched/runq.hpp
  FROM [[from + n, acq_rel, relaxed)]]
  TO [[from + n, relaxed, relaxed)]])

mutant(runq_push_head_relaxed CHECKER relacy/runq_reuse FILE runtime/sched/runq.hpp
  FROM [[const std::uint32_t head = head_.load(acquire);]]
  TO [[const std::uint32_t head = head_.load(relaxed);]])

mutant(runq_thief_tail_relaxed CHECKER relacy/runq_steal FILE runtime/sched/runq.hpp
  FROM [[victim.tail_.load(acquire)]]
  TO [[victim.tail_.load(relaxed)]])

mutant(runq_steal_publish_relaxed CHECKER relacy/runq_chain FILE runtime/sched/runq.hpp
  FROM [[tail_.exchange(tail + n - 1, seq_cst)]]
  TO [[tail_.exchange(tail + n - 1, relaxed)]])

mutant(runq_steal_without_cas CHECKER relacy/runq_steal FILE runtime/sched/runq.hpp
  FROM [[if (!victim.head_.compare_exchange_strong(expected, from + n, acq_rel, relaxed)) continue;]]
  TO [[victim.head_.store(expected + n, release);]])

mutant(runq_pop_without_cas CHECKER relacy/runq_steal FILE runtime/sched/runq.hpp
  FROM [[if (head_.compare_exchange_strong(head, head + 1, acq_rel, acquire)) return item;]]
  TO [[head_.store(head + 1, release);
      return item;]])

mutant(runq_empty_without_reread CHECKER relacy/runq_next FILE runtime/sched/runq.hpp
  FROM [[if (tail == tail_.load(seq_cst)) return head == tail && !next;]]
  TO [[return head == tail && !next;]])

mutant(runq_empty_next_first CHECKER relacy/runq_next FILE runtime/sched/runq.hpp
  FROM [[const std::uint32_t head = head_.load(seq_cst);
      const std::uint32_t tail = tail_.load(seq_cst);
      const bool next = next_.load(seq_cst) != nullptr;]]
  TO [[const bool next = next_.load(seq_cst) != nullptr;
      const std::uint32_t head = head_.load(seq_cst);
      const std::uint32_t tail = tail_.load(seq_cst);]])

mutant(runq_empty_acquire CHECKER relacy/idle FILE runtime/sched/runq.hpp
  FROM [[const std::uint32_t tail = tail_.load(seq_cst);]]
  TO [[const std::uint32_t tail = tail_.load(acquire);]]
  FROM2 [[if (tail == tail_.load(seq_cst))]]
  TO2 [[if (tail == tail_.load(acquire))]])

mutant(runq_overflow_wrong_half CHECKER relacy/runq_overflow FILE runtime/sched/runq.hpp
  FROM [[overflow[i] = slots_[(head + i) % N].load(relaxed);]]
  TO [[overflow[i] = slots_[(head + N / 2 + i) % N].load(relaxed);]])

mutant(runq_overflow_without_cas CHECKER relacy/runq_overflow FILE runtime/sched/runq.hpp
  FROM [[if (head_.compare_exchange_strong(expected, head + N / 2, acq_rel, relaxed)) {]]
  TO [[head_.store(expected + N / 2, release);
      {]])

mutant(runq_push_next_load_store CHECKER relacy/runq_next FILE runtime/sched/runq.hpp
  FROM [[return next_.exchange(item, seq_cst);]]
  TO [[T* old = next_.load(acquire);
    next_.store(item, seq_cst);
    return old;]])

mutant(runq_push_next_acq_rel CHECKER relacy/idle FILE runtime/sched/runq.hpp
  FROM [[next_.exchange(item, seq_cst)]]
  TO [[next_.exchange(item, acq_rel)]])

mutant(runq_push_next_relaxed CHECKER relacy/runq_next FILE runtime/sched/runq.hpp
  FROM [[next_.exchange(item, seq_cst)]]
  TO [[next_.exchange(item, relaxed)]])

mutant(runq_pop_next_load_store CHECKER relacy/runq_next FILE runtime/sched/runq.hpp
  FROM [[return next_.exchange(nullptr, acq_rel);]]
  TO [[T* item = next_.load(acquire);
    next_.store(nullptr, release);
    return item;]])

mutant(runq_steal_next_load_store CHECKER relacy/runq_next FILE runtime/sched/runq.hpp
  FROM [[if (next_.compare_exchange_strong(item, nullptr, acq_rel, relaxed)) return item;
    return nullptr;]]
  TO [[next_.store(nullptr, release);
    return item;]])

# --- idle.hpp

mutant(idle_s2_relaxed CHECKER relacy/idle FILE runtime/sched/idle.hpp
  FROM [[const std::uint64_t w = word_.load(seq_cst);
    return idle_of(w) != 0 && searchers_of(w) == 0;]]
  TO [[const std::uint64_t w = word_.load(relaxed);
    return idle_of(w) != 0 && searchers_of(w) == 0;]])

mutant(idle_i2_acq_rel CHECKER relacy/idle FILE runtime/sched/idle.hpp
  FROM [[const std::uint64_t to = w + one_idle - (searching ? one_searcher : 0);
        if (word_.compare_exchange_weak(w, to, seq_cst, seq_cst)) return true;]]
  TO [[const std::uint64_t to = w + one_idle - (searching ? one_searcher : 0);
        if (word_.compare_exchange_weak(w, to, acq_rel, acquire)) return true;]])

mutant(idle_i2_keeps_searcher CHECKER relacy/idle FILE runtime/sched/idle.hpp
  FROM [[w + one_idle - (searching ? one_searcher : 0);]]
  TO [[w + one_idle;]])

mutant(idle_wake_without_claim CHECKER relacy/idle FILE runtime/sched/idle.hpp
  FROM [[while (idle_of(w) != 0 && searchers_of(w) == 0) {
      if (word_.compare_exchange_weak(w, w - one_idle + one_searcher, seq_cst, seq_cst)) return true;
    }
    return false;]]
  TO [[return idle_of(w) != 0 && searchers_of(w) == 0;]])

mutant(idle_wake_claims_no_searcher CHECKER relacy/idle FILE runtime/sched/idle.hpp
  FROM [[while (idle_of(w) != 0 && searchers_of(w) == 0) {
      if (word_.compare_exchange_weak(w, w - one_idle + one_searcher,]]
  TO [[while (idle_of(w) != 0 && searchers_of(w) == 0) {
      if (word_.compare_exchange_weak(w, w - one_idle,]])

mutant(idle_need_search_not_set CHECKER relacy/idle FILE runtime/sched/idle.hpp
  FROM [[} else if (word_.compare_exchange_weak(w, w | need_search_bit, seq_cst, seq_cst)) {]]
  TO [[} else {]])

mutant(idle_need_search_two_steps CHECKER relacy/idle FILE runtime/sched/idle.hpp
  FROM [[} else if (word_.compare_exchange_weak(w, w | need_search_bit, seq_cst, seq_cst)) {]]
  TO [[} else {
        word_.fetch_or(need_search_bit, seq_cst);]])

mutant(idle_mask_relaxed CHECKER relacy/idle FILE runtime/sched/idle.hpp
  FROM [[fetch_or(std::uint64_t{1} << (p % 64), seq_cst)]]
  TO [[fetch_or(std::uint64_t{1} << (p % 64), relaxed)]])

# --- the order of the steps, in the kernel

mutant(idle_no_recheck CHECKER relacy/idle FILE tests/model/relacy/idle.cpp
  FROM [[if (work_seen()) {                    // I3]]
  TO [[if (false) {]])

mutant(idle_recheck_before_i2 CHECKER relacy/idle FILE tests/model/relacy/idle.cpp
  FROM [[mask.set(p);                   // I1]]
  TO [[const bool seen = work_seen();
      mask.set(p);]]
  FROM2 [[if (work_seen()) {                    // I3]]
  TO2 [[if (seen) {]])

mutant(idle_s2_before_s1 CHECKER relacy/idle FILE tests/model/relacy/idle.cpp
  FROM [[a.push(q[p], it);  // S1
    wake_one(p);]]
  TO [[const bool wanted = idle.wake_wanted();
    a.push(q[p], it);
    if (wanted && idle.claim_for_wake()) hand_over(mask.take(p));]])

mutant(idle_searcher_leaves CHECKER relacy/idle FILE tests/model/relacy/idle.cpp
  FROM [[if (idle.end_search() && work_seen()) wake_one(p);]]
  TO [[idle.end_search();]])

mutant(idle_touches_after_i1 CHECKER relacy/idle FILE tests/model/relacy/idle.cpp
  FROM [[hold(p);
      mask.set(p);                   // I1]]
  TO [[mask.set(p);
      hold(p);]])

# --- permit.hpp, and the ticket

mutant(permit_commit_store CHECKER relacy/park FILE runtime/sched/permit.hpp
  FROM [[if (w.compare_exchange_strong(expected, parked, acq_rel, acquire)) return true;
    w.store(none, relaxed);
    return false;]]
  TO [[w.store(parked, release);
    return true;]])

mutant(permit_commit_acquire CHECKER relacy/park FILE runtime/sched/permit.hpp
  FROM [[parked, acq_rel, acquire)]]
  TO [[parked, acquire, acquire)]])

mutant(permit_commit_fails_relaxed CHECKER relacy/park FILE runtime/sched/permit.hpp
  FROM [[parked, acq_rel, acquire)]]
  TO [[parked, acq_rel, relaxed)]])

mutant(permit_consume_relaxed CHECKER relacy/park FILE runtime/sched/permit.hpp
  FROM [[w.load(acquire) != notified]]
  TO [[w.load(relaxed) != notified]])

mutant(permit_notify_load_store CHECKER relacy/park FILE runtime/sched/permit.hpp
  FROM [[if (w.exchange(notified, acq_rel) != parked) return false;]]
  TO [[const std::uint32_t old = w.load(acquire);
    w.store(notified, release);
    if (old != parked) return false;]])

mutant(permit_notify_release CHECKER relacy/park FILE runtime/sched/permit.hpp
  FROM [[w.exchange(notified, acq_rel)]]
  TO [[w.exchange(notified, release)]])

mutant(permit_notify_acquire CHECKER relacy/park FILE runtime/sched/permit.hpp
  FROM [[w.exchange(notified, acq_rel)]]
  TO [[w.exchange(notified, acquire)]])

mutant(permit_notify_keeps CHECKER relacy/park FILE runtime/sched/permit.hpp
  FROM [[if (w.exchange(notified, acq_rel) != parked) return false;
    w.store(none, relaxed);]]
  TO [[if (w.exchange(notified, acq_rel) != parked) return false;]])

mutant(ticket_without_seq CHECKER relacy/park FILE tests/model/relacy/park.cpp
  FROM [[(static_cast<std::uint64_t>(wait) + 1) << 8 | open_bit]]
  TO [[std::uint64_t{1} << 8 | open_bit]])

mutant(ticket_claim_load_store CHECKER relacy/park FILE tests/model/relacy/park.cpp
  FROM [[std::uint64_t expected = open;
    return word.compare_exchange_strong(expected, (open & ~std::uint64_t{0xff}) | claimed_bit, rt::seq_cst,
                                        rt::relaxed);]]
  TO [[if (word.load(rt::seq_cst) != open) return false;
    word.store((open & ~std::uint64_t{0xff}) | claimed_bit, rt::seq_cst);
    return true;]])

# --- idle.pml

mutant(spin_no_recheck CHECKER spin/idle DEFINES CASE=1 ITEMS=3 FILE tests/model/spin/idle.pml
  FROM [[look(seen);  // I3]]
  TO [[skip;]])

mutant(spin_recheck_before_i2 CHECKER spin/idle DEFINES CASE=1 ITEMS=3 FILE tests/model/spin/idle.pml
  FROM [[// I1. From here on]]
  TO [[look(seen);
  // I1. From here on]]
  FROM2 [[look(seen);  // I3]]
  TO2 [[skip;]])

mutant(spin_only_searchers_recheck CHECKER spin/idle DEFINES CASE=5 ITEMS=2 FILE tests/model/spin/idle.pml
  FROM [[:: searching -> searchers--; searching = false
       :: else
       fi;]]
  TO [[:: searching -> searchers--; searching = false; last = true
       :: else
       fi;]]
  FROM2 [[look(seen);  // I3]]
  TO2 [[if
  :: last -> look(seen); last = false
  :: else
  fi;]])

mutant(spin_wake_without_claim CHECKER spin/idle DEFINES CASE=1 ITEMS=3 FILE tests/model/spin/idle.pml
  FROM [[:: idle_ps > 0 && searchers == 0 -> idle_ps--; searchers++
       :: else -> wanted = false]]
  TO [[:: idle_ps > 0 && searchers == 0
       :: else -> wanted = false]])

mutant(spin_woken_claims CHECKER spin/idle DEFINES CASE=1 ITEMS=3 FILE tests/model/spin/idle.pml
  FROM [[:: idle_ps > 0 && searchers == 0 -> idle_ps--; searchers++
       :: else -> wanted = false]]
  TO [[:: idle_ps > 0 && searchers == 0
       :: else -> wanted = false]]
  FROM2 [[asleep[me] = false; searching = true]]
  TO2 [[asleep[me] = false; searching = true; idle_ps--; searchers++]])

mutant(spin_abandon_without_look CHECKER spin/idle DEFINES CASE=6 ITEMS=2 NO_THREADS=1 FILE tests/model/spin/idle.pml
  FROM [[wanted = (sleeps(0) || sleeps(1) || sleeps(2));]]
  TO [[wanted = false;]])

mutant(spin_enlists_after_look CHECKER spin/idle DEFINES CASE=6 ITEMS=2 NO_THREADS=1 FILE tests/model/spin/idle.pml
  FROM [[asleep[me] = true;
  look(seen);  // I3]]
  TO [[look(seen);]])

mutant(spin_s2_before_s1 CHECKER spin/idle DEFINES CASE=1 ITEMS=3 FILE tests/model/spin/idle.pml
  FROM [[atomic { ring[p]++; submitting++; work-- };  // S1
     wake_one(wanted, q, target);]]
  TO [[wanted = (idle_ps > 0 && searchers == 0);
     atomic { ring[p]++; submitting++; work-- };
     if
     :: wanted -> wake_one(wanted, q, target)
     :: else
     fi;]])

mutant(spin_searcher_leaves CHECKER spin/idle DEFINES CASE=1 ITEMS=3 FILE tests/model/spin/idle.pml
  FROM [[:: seen -> wake_one(wanted, q, target)]]
  TO [[:: seen]])

mutant(spin_i2_keeps_searcher CHECKER spin/idle DEFINES CASE=1 ITEMS=3 FILE tests/model/spin/idle.pml
  FROM [[:: searching -> searchers--; searching = false
       :: else
       fi;]]
  TO [[:: searching -> searching = false
       :: else
       fi;]])

mutant(spin_bit_after_count CHECKER spin/idle DEFINES CASE=1 ITEMS=3 FILE tests/model/spin/idle.pml
  FROM [[atomic { holder[p] = 0; mask[p] = true };
  atomic {                                  // I2]]
  TO [[holder[p] = 0;
  atomic {]]
  FROM2 [[:: else -> got = false
  fi;
  p = 0;]]
  TO2 [[:: else -> got = false
  fi;
  mask[p] = true;
  p = 0;]])

mutant(spin_holds_after_i1 CHECKER spin/idle DEFINES CASE=1 ITEMS=3 FILE tests/model/spin/idle.pml
  FROM [[lets go of P first.
  atomic { holder[p] = 0; mask[p] = true };]]
  TO [[lets go of P first.
  mask[p] = true; holder[p] = 0;]])

# --- park.pml

mutant(spin_permit_commit_store CHECKER spin/park FILE tests/model/spin/park.pml
  FROM [[:: permit == P_NONE -> permit = P_PARKED; notified = false
          :: else -> notified = true]]
  TO [[:: true -> permit = P_PARKED; notified = false]])

mutant(spin_permit_notify_load_store CHECKER spin/park FILE tests/model/spin/park.pml
  FROM [[atomic { old = permit; permit = P_NOTIFIED };  // W1]]
  TO [[old = permit;
        permit = P_NOTIFIED;]])

mutant(spin_permit_reset_after_enqueue CHECKER spin/park FILE tests/model/spin/park.pml
  FROM [[permit = P_NONE; enqueue()  // W2]]
  TO [[enqueue(); permit = P_NONE]])

mutant(spin_permit_commit_on_stack CHECKER spin/park FILE tests/model/spin/park.pml
  FROM [[on_stack = false;  // F2; the M goes on, on its own stack]]
  TO [[]]
  FROM2 [[:: notified -> permit = P_NONE; enqueue()
        :: else
        fi;]]
  TO2 [[:: notified -> permit = P_NONE; enqueue()
        :: else
        fi;
        on_stack = false;]])

mutant(spin_ticket_without_seq CHECKER spin/park FILE tests/model/spin/park.pml
  FROM [[:: open && seq == ticket ->]]
  TO [[:: open ->]])

mutant(spin_ticket_claim_two_steps CHECKER spin/park FILE tests/model/spin/park.pml
  FROM [[atomic {
       if
       :: open && seq == ticket ->
          open = false;]]
  TO [[{
       if
       :: open && seq == ticket ->
          open = false;]])
