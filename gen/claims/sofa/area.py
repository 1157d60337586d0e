"""What the stages take in silicon, next to the paper's breakdown."""

from gen.bench.area import prediction_share
from gen.claims.claim import Claim, between, claims

from .paper_tables import MODULES

#: Stages of Thresher, by modules of the paper.
STAGES = {"DLZS": "predictor", "SADS": "sorter", "KV generation": "generation", "SU-FA": "attention"}


@claims("V", "synthesis")
def share_of_prediction_and_sorting(evidence):
    yield between("area of prediction and sorting in the core", "area breakdown", 18.1,
                  100 * prediction_share(evidence.gates), "%", high=18.1,
                  note="preset `paper` in gate equivalents, each module synthesised once and multiplied by its "
                       "instances; memories are left out here and are 8.7 % of the paper's core. The preset has 16 "
                       "shift-and-add elements a row, the paper 32")


@claims("V", "synthesis")
def areas_of_the_engines(evidence):
    paper = [MODULES[module][0] / MODULES["DLZS"][0] for module in STAGES]
    ours = [evidence.gates[stage] / evidence.gates["predictor"] for stage in STAGES.values()]
    yield Claim("areas of prediction, sorting, generation and attention, in areas of prediction", "area breakdown",
                [round(ratio, 2) for ratio in paper], [round(ratio, 2) for ratio in ours], "",
                ours[2] > ours[0] > ours[1],
                "generation is larger than prediction, and prediction larger than sorting",
                "the paper has a sorting core a row where one for 32 rows keeps up, and exponential and division a row "
                "where one a slice does")
