//! The cases of reverts and resets once more, as most clones reach their host: over ssh. Left out are those that are about
//! paths, about the processes of this machine, or about what a merge makes of objects and files that are here already.

use crate::sshd::cases_over_ssh;

cases_over_ssh! {
    revert::cases_1_and_2_a_commit_its_revert_and_the_revert_of_that,
    revert::cases_3_to_5_and_8_a_merge_needs_to_know_its_parent,
    revert::case_6_a_root_commit,
    revert::case_7_a_range_newest_first,
    revert::case_9_what_a_branch_itself_went_through_with_its_merges,
    revert::case_10_conflicts_are_told_and_nothing_is_touched,
    resolve::case_11_a_conflict_is_gits_own_and_is_resolved_beside_the_persons_files,
    resolve::case_11_what_is_given_up_leaves_no_trace,
    revert::cases_12_to_14_nothing_to_do_and_strangers,
    revert::case_15_what_was_taken_back_already_is_passed_by,
    revert_cases::case_24_in_a_repository_of_sha_256,
    revert::case_25_whatever_the_subject_is,
    revert::cases_26_49_what_fails_or_is_declined_leaves_everything,
    revert_cases::case_27_the_hooks_that_git_runs,
    revert::cases_28_and_29_work_in_the_way_stops_it_and_other_work_stays,
    revert::case_30_what_is_not_tracked_is_kept_aside_by_every_verb,
    revert::cases_30_and_31_files_in_the_way_are_kept_aside,
    revert::case_32_what_a_flag_hides_stops_it,
    undo_exact::case_33_what_was_captured_comes_back_to_the_byte,
    undo_cases::case_35_what_was_committed_by_hand_meanwhile_is_not_taken_away,
    undo_cases::case_35_several_reverts_with_a_commit_on_top_are_not_undone,
    reset::case_37_a_branch_that_another_work_tree_has,
    revert::cases_38_and_47_another_branch_and_no_branch,
    revert_cases::case_39_names_that_mean_two_things,
    reset::cases_40_and_42_as_a_commit_it_is_the_tree_and_a_fast_forward,
    revert_cases::case_41_a_submodule_that_goes_back_is_told,
    reset::cases_43_and_44_somebody_else_was_quicker,
    reset::cases_45_and_46_settings_of_push_and_commits_of_others,
    reset_cases::case_64_a_rewind_that_is_taken_back_stops_nobody,
    reset_cases::case_65_a_merge_that_was_reverted_does_not_merge_again,
}
