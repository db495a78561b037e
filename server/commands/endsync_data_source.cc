// ENDSYNC DATA SOURCE.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "catalog/synchronization.h"
#include "catalog/transformed_tables.h"
#include "server/commands/at_rest.h"
#include "server/commands/data_source_notices.h"
#include "server/commands/inferred_types.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"
#include "server/commands/sweep_plan.h"
#include "server/commands/table_work.h"
#include "server/pause.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::Error;
using catalog::SyncMode;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kNoticeEvery{2};
constexpr std::chrono::seconds kWorkBetweenPauses{2};
constexpr std::chrono::milliseconds kPause{1'200};

catalog::Synchronization state_of(const std::string& name, CommandContext& context) {
  // Tables may have been dropped past us.
  context.catalog().reload(context.connection());
  if (!context.catalog().snapshot()->sources.contains(name)) throw catalog::no_such_source(name);
  catalog::Synchronization state = catalog::load_synchronization(context.connection(), name);
  if (state.mode == SyncMode::none) {
    throw Error("55000", fmt::format("data source \"{}\" is not synchronizing", name))
        .with_hint("SYNC DATA SOURCE begins a synchronization.");
  }
  return state;
}

std::string why_incomplete(const std::string& name, const CommandContext& context) {
  const auto status = context.workers().status(name);
  if (status && status->snapshot && !status->snapshot->obstacle.empty())
    return fmt::format("Its snapshot is not complete ({})", status->snapshot->obstacle);
  return "Its snapshot is not known to be complete";
}

void tell_unswept(const SweepPlan& plan, const Context& session) {
  if (plan.unswept.empty()) return;
  session.notice(warning(
      fmt::format("{} tables are left as they are, since the snapshot has not brought their rows",
                  plan.unswept.size()),
      fmt::format("{}", fmt::join(plan.unswept, ", ")),
      "If their rows have gone from the source, name them: ENDSYNC ... SWEEP TABLE."));
}

// Rows of one table, some at a time: batches come in between.
class Sweep {
 public:
  Sweep(CommandContext& context, int64_t wanted) : context_(context), wanted_(wanted) {}

  void run(const catalog::SweepTarget& target, const catalog::SweepCount& count) {
    const catalog::TableName name(target.table.schema, target.table.current_name);
    catalog::SweepPlace place;
    if (count.ending > 0) place = catalog::begin_sweep(context_.connection(), target);
    int64_t ended = 0;
    while (place.done_id < place.last_id) {
      context_.session().check_stop();
      ended += run_some(target, name, place);
      tell_progress();
      let_ingest_in();
    }
    end_derived(target, name);
    if (ended > 0) {
      spdlog::info("data source {}: {} rows of {} ended that its snapshot did not confirm",
                   target.source.source_name, ended, target.table.main());
    }
  }
  [[nodiscard]] int64_t ended() const { return ended_; }

 private:
  // Rows of documents whose record has gone; also those that a command before was killed over.
  void end_derived(const catalog::SweepTarget& target, const catalog::TableName& name) {
    std::vector<catalog::TableName> family = catalog::derived_from(context_.connection(), name);
    if (family.empty()) return;
    const std::vector<catalog::TableName> derived = family;
    family.push_back(name);
    const catalog::StreamLock lock = hold_streams(context_, family);
    const std::vector<catalog::Table> parent = catalog::load_tables(context_.connection(), name);
    if (parent.empty()) return;
    for (const catalog::TableName& each : derived) {
      const std::vector<catalog::Table> child = catalog::load_tables(context_.connection(), each);
      if (child.empty()) continue;
      if (!catalog::names_roots(parent.front(), child.front())) {
        warn_of_key(parent.front(), child.front());
        continue;
      }
      in_patient_transaction(context_, child, [&] {
        catalog::hold_synchronization(context_.connection(), target);
        const int64_t ended =
            catalog::end_rows_without_root(context_.connection(), parent.front(), child.front(),
                                           {target.origin, target.snapshot_us});
        if (ended > 0) catalog::record_updates(context_.connection(), {each});
      });
    }
  }

  // Which rows have a root is unknown.
  void warn_of_key(const catalog::Table& parent, const catalog::Table& child) {
    context_.session().notice(
        warning(fmt::format("rows of {} are not swept: they name their roots by another key than "
                            "{} has now",
                            child.main(), parent.main()),
                "", fmt::format("PURGE DATA DROP TABLE {}: it is made anew.", child.main())));
  }

  int64_t run_some(const catalog::SweepTarget& target, const catalog::TableName& name,
                   catalog::SweepPlace& place) {
    const catalog::StreamLock lock = hold_streams(context_, {name});
    const std::vector<catalog::Table> found = catalog::load_tables(context_.connection(), name);
    if (found.empty()) {  // purged meanwhile
      place.done_id = place.last_id;
      return 0;
    }
    catalog::SweepTarget now = target;
    now.table = found.front();
    int64_t ended = 0;
    catalog::SweepPlace next;
    in_patient_transaction(context_, {now.table}, [&] {
      next = place;
      ended = catalog::sweep_some(context_.connection(), now, next);
      if (ended > 0) catalog::revise(context_.connection(), now.table);
    });
    place = next;
    ended_ += ended;
    if (ended > 0) publish(context_, catalog::load_tables(context_.connection(), name).at(0));
    return ended;
  }

  // A topic whose table a command has asks for it once a second.
  void let_ingest_in() {
    if (Clock::now() < next_pause_) return;
    pause_for(kPause, context_.session().stop());
    next_pause_ = Clock::now() + kWorkBetweenPauses;
  }

  void tell_progress() {
    if (Clock::now() < next_notice_) return;
    next_notice_ = Clock::now() + kNoticeEvery;
    context_.session().notice(
        {.message = fmt::format("{} of {} rows have ended", ended_, wanted_)});
  }

  CommandContext& context_;
  int64_t wanted_;
  int64_t ended_ = 0;
  Clock::time_point next_notice_ = Clock::now() + kNoticeEvery;
  Clock::time_point next_pause_ = Clock::now() + kWorkBetweenPauses;
};

// What the snapshot did not confirm ends; throws Error 55000 with the counts if that needs a word.
void sweep(const ast::EndSyncDataSource& command, const catalog::Synchronization& state,
           CommandContext& context) {
  const std::string& name = command.name.text;
  SweepPlan plan = plan_sweep(state, {name, command.sweep_tables, command.is_forced}, context);
  const bool is_resync = state.mode == SyncMode::resync;
  if (!is_resync && plan.targets.empty() && plan.unswept.empty()) return;
  if (!state.complete_us)
    plan.objections.insert(plan.objections.begin(), why_incomplete(name, context));
  if (!plan.objections.empty() && !command.is_forced) {
    throw Error("55000",
                fmt::format("the synchronization of data source \"{}\" is not ended", name))
        .with_detail(fmt::format("{}. Nothing was changed.", fmt::join(plan.objections, "; ")))
        .with_hint("If that is what has happened in the source: ENDSYNC DATA SOURCE ... FORCE.");
  }
  tell_unswept(plan, context.session());
  Sweep rows(context, plan.ending());
  for (const SweepPlan::Target& target : plan.targets) rows.run(target.rows, target.count);
  context.session().notice(
      {.message = fmt::format("{} of {} current rows ended that the snapshot did not confirm",
                              rows.ended(), plan.current())});
}

void end_initial(const std::string& name, const catalog::Synchronization& state,
                 CommandContext& context) {
  if (!state.complete_us) {
    context.session().notice(
        warning(fmt::format("data source \"{}\" has not come to the end of its snapshot", name),
                why_incomplete(name, context) + "; what is still to come is read as before."));
  }
  refresh_inferred_types(context, name);
}

// The mode goes last: what ends in between begins again.
void leave_mode(const std::string& name, const catalog::Synchronization& state,
                CommandContext& context) {
  const Turns::Turn turn = context.turns().take(context.session().stop());
  const auto snapshot = context.catalog().snapshot();
  const auto found = snapshot->sources.find(name);
  if (found == snapshot->sources.end()) throw catalog::no_such_source(name);
  catalog::DataSource source = found->second;
  // A batch of before would write again what is forgotten here.
  AtRest rest(source, context);
  catalog::Transaction transaction(context.connection());
  const catalog::Result present = context.connection().exec(
      "SELECT FROM metadb.synchronization WHERE source_name = $1 AND generation = $2 FOR UPDATE",
      {name, std::to_string(state.generation)});
  if (present.rows() == 0) {
    throw Error("55000", fmt::format("data source \"{}\" is synchronized anew meanwhile", name));
  }
  catalog::end_synchronization(context.connection(), name);
  transaction.commit();
  source.sync = SyncMode::none;
  context.catalog().publish(
      [&](catalog::Snapshot& next) { next.sources.insert_or_assign(name, source); });
  rest.change(source);
}

void forget_marks(const std::string& name, CommandContext& context) {
  const auto catalog = context.catalog().snapshot();
  for (const auto& [table_name, table] : catalog->tables) {
    if (table->source_name != name) continue;
    const catalog::StreamLock lock = hold_streams(context, {table_name});
    if (!catalog::has_marks(context.connection(), *table)) continue;
    in_patient_transaction(context, {*table},
                           [&] { catalog::clear_marks(context.connection(), *table); });
  }
}

}  // namespace

Reply run(const ast::EndSyncDataSource& command, CommandContext& context) {
  require_administrator(context, ast::EndSyncDataSource::kTag);
  const std::string& name = command.name.text;
  const catalog::Synchronization state = state_of(name, context);
  sweep(command, state, context);
  if (state.mode == SyncMode::initial) end_initial(name, state, context);
  leave_mode(name, state, context);
  spdlog::info("data source {}: synchronization ended by {}", name, context.session().caller.user);
  forget_marks(name, context);
  context.wake_maintenance();
  return {};
}

}  // namespace metadb::server
