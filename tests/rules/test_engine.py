"""The connection and forks: Airflow's tasks are forks of a process that has loaded the rules."""

import multiprocessing

from include.rules import engine


def _answer(queue):
    queue.put(engine.connection().execute("SELECT 42").fetchall()[0][0])


def test_a_fork_makes_a_connection_of_its_own_and_does_not_wait_for_its_parents():
    context = multiprocessing.get_context("fork")
    assert engine.connection().execute("SELECT 1").fetchall() == [(1,)]
    queue = context.Queue()
    child = context.Process(target=_answer, args=(queue,))
    child.start()
    child.join(20)
    hung = child.is_alive()
    child.kill()
    assert not hung
    assert queue.get(timeout=5) == 42
