//! The cases of the guard once more, as most hosts get their pushes: over ssh.

use crate::sshd::cases_over_ssh;

cases_over_ssh! {
    guard_cases::case_51_a_host_without_push_options_is_named_as_such_and_nothing_is_changed,
    guard::case_52_a_check_answers_as_the_push_would_and_changes_nothing,
    guard::case_53_a_forced_push_of_a_protected_branch_is_refused_and_says_what_it_would_cost,
    guard::case_54_an_announcement_permits_exactly_one_movement,
    grant::case_54_a_permission_is_for_one_movement_one_person_and_once,
    rescue::case_55_what_is_dropped_is_kept_through_a_collection_and_recovered,
    rescue::case_56_a_push_that_something_stops_later_leaves_no_rescue_and_bans_nobody,
    rescue::case_57_a_rewind_that_brings_nothing_is_kept_before_anything_moves,
    rescue::case_58_deletions_and_tags_are_kept_and_ordinary_work_is_never_in_the_way,
    deployments::case_59_clients_neither_make_nor_move_nor_delete_deployment_tags,
    guard::case_60_one_refused_reference_refuses_the_others_with_it,
    rescue::case_61_what_was_dropped_on_purpose_does_not_come_back_by_accident,
    guard_cases::case_62_who_catches_up_brings_only_their_own_though_only_the_host_knows_what_was_dropped,
    rescue::case_63_a_cherry_pick_of_what_was_dropped_is_accepted,
    rescue::case_64_a_rewind_that_is_undone_bans_nothing_and_is_made_again,
    guard_cases::case_65_a_reverted_merge_brings_nothing_again_until_its_revert_is_reverted,
    purge::case_66_what_is_purged_is_gone_and_that_it_was_is_not,
    rescue::case_67_clients_neither_see_nor_write_rescues,
    guard_cases::case_68_however_much_was_dropped_before_a_push_starts_no_process_more,
    guard_cases::case_69_collections_and_packed_references_disturb_nothing,
    guard_cases::case_70_what_an_operator_changes_without_a_push_is_named_and_backed_up,
    grant::case_71_of_two_rewinds_one_wins_and_everything_stays_reachable,
    audit::case_72_what_is_altered_removed_or_cut_off_is_named,
    guard_cases::case_73_what_live_stands_on_is_named_and_stays_and_going_back_is_a_rollback,
    guard_cases::a_reset_that_is_undone_is_made_again,
    guard_cases::a_rollback_and_forward_again_are_never_in_the_way,
}
