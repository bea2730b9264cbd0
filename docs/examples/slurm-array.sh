#!/bin/sh
#SBATCH --job-name=trustmix
#SBATCH --array=1-8
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=1G
#SBATCH --time=04:00:00
#
# One shard of a study per task of the array; a task that is requeued goes on where it was. When all have ended:
#   trustmix experiment merge results/merged results/shard-*
set -eu
: "${STUDY:=figure3}" # or: sweep FILE
: "${RESULTS:=results}"
# shellcheck disable=SC2086 # "sweep FILE" is two words
exec trustmix experiment $STUDY \
  --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
  --workers "${SLURM_CPUS_PER_TASK:-1}" \
  --run-dir "$RESULTS/shard-$SLURM_ARRAY_TASK_ID"
